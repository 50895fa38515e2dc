import type { Buffer } from 'node:buffer';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const [BRACKET_OPEN, BRACKET_CLOSE] = [0x5b, 0x5d];
const [BRACE_OPEN, BRACE_CLOSE] = [0x7b, 0x7d];

/*
 * The ends of JSON values, found by native searches as far as that is reliable: the offset after the last byte, or -1
 * if the input ends before. `open` is the offset of the first byte of the value.
 */

export function endOfString(bytes: Buffer, open: number): number {
  for (let at = bytes.indexOf(QUOTE, open + 1); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    let before = at - 1;
    while (bytes[before] === BACKSLASH) before -= 1;
    if ((at - 1 - before) % 2 === 0) return at + 1;
  }
  return -1;
}

/**
 * A `]` closes this array if there is no `[` in between and it is not part of a string: then, after closing braces, the
 * end follows, or a comma and a quote before a letter. Inside a string each quote has a backslash before it, and a
 * quote that ends a string is never followed by a letter.
 */
export function endOfArray(bytes: Buffer, open: number): number {
  const close = bytes.indexOf(BRACKET_CLOSE, open + 1);
  if (close < 0) return -1;
  if (!isStructural(bytes, close)) return endByWalking(bytes, open);
  const nested = bytes.subarray(open + 1, close).indexOf(BRACKET_OPEN);
  return nested < 0 ? close + 1 : endByWalking(bytes, open);
}

/** Like arrays; nested objects are walked through. */
export function endOfObject(bytes: Buffer, open: number): number {
  const close = bytes.indexOf(BRACE_CLOSE, open + 1);
  if (close < 0) return -1;
  if (!isStructural(bytes, close)) return endByWalking(bytes, open);
  const nested = bytes.subarray(open + 1, close).indexOf(BRACE_OPEN);
  return nested < 0 ? close + 1 : endByWalking(bytes, open);
}

/** Whether the closing bracket or brace at this offset is certainly not part of a string. */
function isStructural(bytes: Buffer, close: number): boolean {
  let after = close + 1;
  while (bytes[after] === BRACE_CLOSE) after += 1;
  if (after === bytes.length) return true;
  return bytes[after] === COMMA && bytes[after + 1] === QUOTE && isLetter(bytes[after + 2] ?? 0);
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
