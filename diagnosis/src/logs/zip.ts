import { Buffer } from 'node:buffer';
import * as yauzl from 'yauzl';
import { headOfFile } from './file-bytes.js';

/** One file in a zip, and where its bytes are. */
export interface ZipEntry {
  name: string;
  start: number;
  end: number;
  deflated: boolean;
}

export interface ZipContents {
  entries: ZipEntry[];
  /** What could not be found, as a sentence. */
  problem: string | null;
}

const [STORED, DEFLATED] = [0, 8];

/** The files in a zip. A truncated zip has no central directory: then as many as can be found without it. */
export async function readZip(path: string): Promise<ZipContents> {
  let zip: yauzl.ZipFile;
  try {
    zip = await yauzl.openPromise(path, { lazyEntries: true, autoClose: false });
  } catch (error) {
    const problem = `damaged zip: ${(error as Error).message}`;
    return { entries: await entriesInOrder(path), problem };
  }
  const entries: ZipEntry[] = [];
  let problem: string | null = null;
  try {
    for await (const entry of zip.eachEntry()) {
      const { fileName: name, compressionMethod: method } = entry;
      if (name.endsWith('/')) continue;
      if ((method !== STORED && method !== DEFLATED) || entry.isEncrypted()) {
        problem ??= `${name} in the zip is encrypted or packed in a way that cannot be read`;
        continue;
      }
      const { fileDataStart: start } = await zip.readLocalFileHeaderPromise(entry, {
        minimal: true
      });
      entries.push({ name, start, end: start + entry.compressedSize, deflated: method !== STORED });
    }
  } catch (error) {
    problem ??= `damaged zip: ${(error as Error).message}`;
  } finally {
    zip.close();
  }
  return { entries, problem };
}

const LOCAL_HEADER = 0x04034b50;
const HEADER_BYTES = 30;
const MOST_ENTRIES = 100_000;

/**
 * The entries in sequence from the start (APPNOTE.TXT, 4.3.7). An entry whose size follows its bytes (as the History
 * Server writes them) extends to the end, and is the last one found.
 */
async function entriesInOrder(path: string): Promise<ZipEntry[]> {
  const entries: ZipEntry[] = [];
  for (let at = 0; entries.length < MOST_ENTRIES;) {
    const head = await headOfFile(path, HEADER_BYTES, at);
    if (head.length < HEADER_BYTES || head.readUInt32LE() !== LOCAL_HEADER) break;
    const method = head.readUInt16LE(8);
    const sizeFollows = (head.readUInt16LE(6) & 8) !== 0;
    const size = head.readUInt32LE(18);
    const nameBytes = head.readUInt16LE(26);
    const start = at + HEADER_BYTES + nameBytes + head.readUInt16LE(28);
    const name = (await headOfFile(path, nameBytes, at + HEADER_BYTES)).toString('utf8');
    const empty = sizeFollows && (await headOfFile(path, NOTHING.length, start)).equals(NOTHING);
    const end = !sizeFollows ? start + size : empty ? start + NOTHING.length + 12 : Infinity;
    if (!name.endsWith('/') && (method === STORED || method === DEFLATED)) {
      entries.push({ name, start, end, deflated: method === DEFLATED });
    }
    if (!Number.isFinite(end)) break;
    at = end;
  }
  return entries;
}

/** A directory or an empty file whose size follows: nothing, deflated, and the signature of the size. */
const NOTHING = Buffer.from([0x03, 0x00, 0x50, 0x4b, 0x07, 0x08]);
