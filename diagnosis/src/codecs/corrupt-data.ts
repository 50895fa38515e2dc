/** Compressed bytes that cannot be read any further; everything before was delivered. */
export class Damage extends Error {
  override name = 'Damage';
}

/** The bytes end in the middle of something. */
export class CutOff extends Damage {
  override name = 'CutOff';
  constructor(codec: string) {
    super(`cut off: the ${codec} stream has no end`);
  }
}
