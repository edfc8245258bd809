package kafka

import (
	"encoding/binary"
	"slices"

	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The LZ4 frame format, https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md.
const (
	lz4Magic           = 0x184D2204
	lz4Version         = 0x40
	lz4VersionBits     = 0xc0
	lz4Independent     = 0x20
	lz4BlockChecksum   = 0x10
	lz4ContentSize     = 0x08
	lz4ContentChecksum = 0x04
	lz4Unknown         = 0x03 // a dictionary, or a bit that is reserved
	lz4StoredBit       = 1 << 31
	lz4Window          = 64 << 10
)

// unpackLZ4 unpacks a frame into dst[:0]. ok is false for a frame that it does
// not understand. Checksums of the frame are passed over: the batch has one.
// The error is kgo.ErrMaxDecompress for more than bytesMax bytes.
func unpackLZ4(dst, src []byte, bytesMax int) (out []byte, ok bool, err error) {
	if len(src) < 7 || binary.LittleEndian.Uint32(src) != lz4Magic {
		return dst, false, nil
	}
	flags, size := src[4], src[5]>>4
	if flags&lz4VersionBits != lz4Version || flags&lz4Unknown != 0 || size < 4 || size > 7 {
		return dst, false, nil
	}
	blockMax, trailer, at := 64<<10<<(2*(size-4)), 0, 7
	if flags&lz4BlockChecksum != 0 {
		trailer = 4
	}
	if flags&lz4ContentSize != 0 {
		at += 8
	}
	for out = dst[:0]; len(src)-at >= 4; {
		n := int(binary.LittleEndian.Uint32(src[at:]))
		at += 4
		if n == 0 {
			if flags&lz4ContentChecksum != 0 {
				at += 4
			}
			return out, at == len(src), nil
		}
		stored := n&lz4StoredBit != 0
		n &^= lz4StoredBit
		if n > blockMax || n+trailer > len(src)-at {
			return out, false, nil
		}
		block := src[at : at+n]
		at += n + trailer
		if stored {
			out = append(out, block...)
		} else {
			out = slices.Grow(out, blockMax)
			var window []byte
			if flags&lz4Independent == 0 {
				window = out[max(0, len(out)-lz4Window):]
			}
			unpacked, err := lz4.UncompressBlockWithDict(block, out[len(out):len(out)+blockMax], window)
			if err != nil {
				return out, true, err
			}
			out = out[:len(out)+unpacked]
		}
		if len(out) > bytesMax {
			return out, true, kgo.ErrMaxDecompress
		}
	}
	return out, false, nil
}
