package arrow

import (
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"touchstream/pipeline/schema"
)

// parquetFile is a Parquet file on its way: each batch is a row group with
// dictionaries of its own.
type parquetFile struct {
	path   string
	schema *arrow.Schema
	hidden *hidden
	writer *pqarrow.FileWriter
	// isSealed: the writer has ended the file.
	isSealed bool
}

func newParquet(path, hiddenPath string, t *schema.Table) (*parquetFile, error) {
	h, err := createHidden(hiddenPath)
	if err != nil {
		return nil, err
	}
	p := &parquetFile{path: path, schema: Schema(t), hidden: h}
	p.writer, err = pqarrow.NewFileWriter(p.schema, h,
		parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionLevel(1), parquet.WithCreatedBy("touchstream")),
		pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	return p, err
}

func (p *parquetFile) add(b *batch) error {
	if b.rows == 0 {
		return nil
	}
	bare := b.take()
	defer bare.Release()
	dictionaries := b.dictionaries()
	defer releaseAll(dictionaries)
	for _, w := range b.words {
		if w != nil {
			w.reset()
		}
	}
	record := dress(p.schema, bare, dictionaries)
	defer record.Release()
	return p.writer.Write(record)
}

func (p *parquetFile) drain() error { return p.hidden.drain() }

func (p *parquetFile) discard() error { return p.hidden.discard() }

func (p *parquetFile) finish(b *batch) error {
	if !p.isSealed {
		if err := p.add(b); err != nil {
			return err
		}
		if err := p.writer.Close(); err != nil {
			return err
		}
		p.isSealed = true
	}
	return p.hidden.finish(p.path)
}
