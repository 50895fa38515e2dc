import { createReadStream } from 'node:fs';
import { LineSplitter, START, type Line, type Position } from './lines.js';

/**
 * The bytes of an event log as Spark wrote them, uncompressed.
 * This is the seam for decompression: it will look at the first bytes and pipe the file
 * through the right decoder; nothing behind it knows about files or codecs.
 */
export function chunksOf(path: string, from: Position = START): AsyncIterable<Uint8Array> {
  return createReadStream(path, { start: from.offset, highWaterMark: 1 << 18 });
}

/**
 * The lines of a file that nobody writes any more; an unfinished last line is delivered too.
 * @throws the file system's error if the file cannot be read.
 */
export async function* linesOf(path: string, from: Position = START): AsyncGenerator<Line> {
  const splitter = new LineSplitter(from);
  for await (const chunk of chunksOf(path, from)) yield* splitter.push(chunk);
  const rest = splitter.rest();
  if (rest) yield rest;
}
