package cpu

// HasAVX2 reports whether processor and operating system have AVX2, BMI1 and
// BMI2.
var HasAVX2 = detectAVX2()

func detectAVX2() bool
