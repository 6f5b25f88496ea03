// Decoding and encoding UTF-8, UTF-16, UTF-32, Latin-1 and ASCII, without objects.
//
// Each direction takes two passes, so that the caller allocates once and exactly: the first measures and
// stops at the first error, the second writes what was measured. After an error the caller asks its error
// handler and goes on behind it. Positions count from the beginning of the whole input; reasons are the texts
// that UnicodeDecodeError and UnicodeEncodeError show.
#pragma once

#include <cstddef>
#include <cstdint>

#include "Objects/str/kernel_chars.h"

namespace atl {

struct DecodeScan {
  ptrdiff_t stop;      // input before this is valid
  ptrdiff_t length;    // in code points, of the input from `start` to `stop`
  uint32_t max_class;  // 0x7F, 0xFF, 0xFFFF or 0x10FFFF
  const char*
      reason;  // nullptr: all of the input was read, or the rest is a beginning that more input completes
  ptrdiff_t error_end;  // the offending bytes are [stop, error_end)
};

struct EncodeScan {
  ptrdiff_t stop;       // characters before this can be encoded
  ptrdiff_t size;       // in bytes, of the characters from `start` to `stop`
  const char* reason;   // nullptr: nothing is in the way
  ptrdiff_t error_end;  // the offending characters are [stop, error_end)
};

enum class ByteOrder : uint8_t { kLittle, kBig };
// Whether more input may follow: then an incomplete sequence at the end is left alone.
enum class Input : uint8_t { kFinal, kPartial };

DecodeScan utf8_scan(const uint8_t* data, ptrdiff_t size, ptrdiff_t start, Input input);
// `data` is what a scan found valid.
void utf8_write(const uint8_t* data, ptrdiff_t size, TextKind out_kind, void* out);

DecodeScan utf16_scan(const uint8_t* data, ptrdiff_t size, ptrdiff_t start, ByteOrder order, Input input);
void utf16_write(const uint8_t* data, ptrdiff_t size, ByteOrder order, TextKind out_kind, void* out);

DecodeScan utf32_scan(const uint8_t* data, ptrdiff_t size, ptrdiff_t start, ByteOrder order, Input input);
void utf32_write(const uint8_t* data, ptrdiff_t size, ByteOrder order, TextKind out_kind, void* out);

// ASCII text is its own UTF-8 and Latin-1 its own first kind: writing is copying.
DecodeScan ascii_scan(const uint8_t* data, ptrdiff_t size, ptrdiff_t start);

EncodeScan utf8_measure(TextView text, ptrdiff_t start);
// `text` is what was measured: a slice without surrogates. Returns the end of what was written.
uint8_t* utf8_encode(TextView text, uint8_t* out);
// One code point in UTF-8, a surrogate too: 1 to 4 bytes.
int utf8_put(uint32_t cp, uint8_t out[4]);

EncodeScan utf16_measure(TextView text, ptrdiff_t start);
uint8_t* utf16_encode(TextView text, ByteOrder order, uint8_t* out);

EncodeScan utf32_measure(TextView text, ptrdiff_t start);
uint8_t* utf32_encode(TextView text, ByteOrder order, uint8_t* out);

// Latin-1 and ASCII; encoding what was measured is text_convert to kind 1.
EncodeScan latin1_measure(TextView text, ptrdiff_t start);
EncodeScan ascii_measure(TextView text, ptrdiff_t start);

}  // namespace atl
