package generator

import "strconv"

const (
	numCategories   = 32
	productsPerCat  = 20
	numProducts     = numCategories * productsPerCat
	departments     = 8
	catsPerDept     = numCategories / departments
	currency        = "PLN"
	centsPerZloty   = 100
	unitsPerCent    = 100 // money is counted in 1/10,000
	maxItemQuantity = 3
)

var categoryNames = [numCategories]string{
	"sneakers", "boots", "sandals", "running shoes",
	"jackets", "jeans", "dresses", "t-shirts",
	"laptops", "phones", "headphones", "cameras",
	"coffee makers", "blenders", "vacuum cleaners", "irons",
	"sofas", "lamps", "bedding", "rugs",
	"perfume", "skin care", "make-up", "hair care",
	"bicycles", "tents", "backpacks", "fitness",
	"board games", "building blocks", "novels", "stationery",
}

// categoryPrice is a typical price in whole units.
var categoryPrice = [numCategories]int64{
	299, 399, 159, 449, 349, 229, 189, 69, 3499, 2499, 399, 1899, 599, 249, 899, 179,
	1999, 149, 219, 459, 259, 79, 59, 45, 2199, 699, 249, 129, 149, 199, 45, 19,
}

var brandNames = [...]string{
	"Aster", "Bryza", "Corvo", "Dąb & Syn", "Ember", "Fala", "Górski", "Halny", "Iskra",
	"Jantar", "Kolos", "Lumen", "Mewa", "Nord", "Orbis", "Pola", "Quint", "Różana", "Sowa",
	"Tatra", "Umbra", "Vento", "Wisła", "Zefir",
}

var variantNames = [...]string{"black", "white", "blue", "red", `size "M"`, "large", "30 cm / 12\"", "classic"}

// product is one article; its JSON fields are rendered once.
type product struct {
	category int
	cents    int64
	id       string
	json     []byte // "product_id":…,"sku":…,…,"price":… without braces
}

// catalog is the assortment, the same for every seed.
type catalog struct{ products [numProducts]product }

func newCatalog() *catalog {
	c := new(catalog)
	for i := range c.products {
		p := &c.products[i]
		cat := i / productsPerCat
		h := mix(uint64(i) + 77)
		p.category = cat
		p.id = "P" + pad(uint64(i), 5)
		base := categoryPrice[cat] * centsPerZloty
		p.cents = base*int64(50+h%120)/100/centsPerZloty*centsPerZloty + [...]int64{99, 49, 0, 95}[h>>32&3]
		if p.cents < 100 {
			p.cents = 199
		}
		brand := brandNames[(h>>8)%uint64(len(brandNames))]
		j := append(p.json, `"product_id":"`...)
		j = append(j, p.id...)
		j = append(j, `","sku":"`...)
		j = append(j, "SKU-"...)
		j = append(j, pad(h%1_000_000, 6)...)
		j = append(j, '-')
		j = append(j, pad(uint64(i), 3)...)
		j = append(j, `","category":"`...)
		j = append(j, categoryNames[cat]...)
		j = append(j, `","name":`...)
		j = appendText(j, brand+" "+categoryNames[cat]+" "+pad(uint64(i%productsPerCat+1), 2))
		j = append(j, `,"brand":`...)
		j = appendText(j, brand)
		j = append(j, `,"variant":`...)
		j = appendText(j, variantNames[(h>>16)%uint64(len(variantNames))])
		j = append(j, `,"price":`...)
		p.json = appendCents(j, p.cents)
	}
	return c
}

// inCategory picks a product, popular ones more often.
func (c *catalog) inCategory(d *dice, category int) int {
	return category*productsPerCat + min(d.below(productsPerCat), d.below(productsPerCat))
}

// otherInCategory picks a product of the same category that is not p.
func (c *catalog) otherInCategory(d *dice, p int) int {
	first := p - p%productsPerCat
	return first + (p-first+1+d.below(productsPerCat-1))%productsPerCat
}

// pad writes v with leading zeros.
func pad(v uint64, width int) string {
	s := strconv.FormatUint(v, 10)
	for len(s) < width {
		s = "0" + s
	}
	return s
}
