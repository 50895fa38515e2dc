/** Compressed bytes that cannot be read any further; everything before was delivered. */
export class CorruptData extends Error {
  override name = 'CorruptData';
}

/** The bytes end in the middle of something. */
export class TruncatedData extends CorruptData {
  override name = 'TruncatedData';
  constructor(codec: string) {
    super(`cut off: the ${codec} stream has no end`);
  }
}
