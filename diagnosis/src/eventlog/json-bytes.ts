import type { Buffer } from 'node:buffer';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const [BRACKET_OPEN, BRACKET_CLOSE] = [0x5b, 0x5d];
const [BRACE_OPEN, BRACE_CLOSE] = [0x7b, 0x7d];

/**
 * Where a JSON value ends: the offset behind its last byte, or -1 if the bytes end before it.
 * @param open offset of the value's first byte, which is its `[`, `{` or `"`.
 */
export function endOfValue(
  bytes: Buffer,
  open: number,
  kind: 'array' | 'object' | 'string'
): number {
  if (kind === 'string') return endOfString(bytes, open);
  if (kind === 'array') {
    const end = endOfFlatArray(bytes, open);
    if (end >= 0) return end;
  }
  return endByWalking(bytes, open);
}

function endOfString(bytes: Buffer, open: number): number {
  for (let at = bytes.indexOf(QUOTE, open + 1); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    let before = at - 1;
    while (bytes[before] === BACKSLASH) before -= 1;
    if ((at - 1 - before) % 2 === 0) return at + 1;
  }
  return -1;
}

/**
 * The end of an array without brackets in it, found by native searches; -1 if that is not sure.
 * `]` closes this array if no `[` is between, and if it is no part of a text: then what follows, over
 * closing braces, is a comma and a quote before a letter, and such a quote opens a string.
 */
function endOfFlatArray(bytes: Buffer, open: number): number {
  const close = bytes.indexOf(BRACKET_CLOSE, open + 1);
  if (close < 0) return -1;
  const nested = bytes.indexOf(BRACKET_OPEN, open + 1);
  if (nested >= 0 && nested < close) return -1;
  let after = close + 1;
  while (bytes[after] === BRACE_CLOSE) after += 1;
  if (after === bytes.length && after > close + 1) return close + 1;
  const sure =
    bytes[after] === COMMA && bytes[after + 1] === QUOTE && isLetter(bytes[after + 2] ?? 0);
  return sure ? close + 1 : -1;
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

function endByWalking(bytes: Buffer, open: number): number {
  let depth = 0;
  for (let at = open; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      at = endOfString(bytes, at) - 1;
      if (at < 0) return -1;
    } else if (byte === BRACKET_OPEN || byte === BRACE_OPEN) {
      depth += 1;
    } else if (byte === BRACKET_CLOSE || byte === BRACE_CLOSE) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return -1;
}
