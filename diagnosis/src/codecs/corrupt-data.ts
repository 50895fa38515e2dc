/** Compressed data that cannot be decoded any further; everything before it was delivered. */
export class CorruptData extends Error {
  override name = 'CorruptData';
}

/** The data ends unexpectedly. */
export class TruncatedData extends CorruptData {
  override name = 'TruncatedData';
  constructor(codec: string) {
    super(`cut off: the ${codec} stream has no end`);
  }
}
