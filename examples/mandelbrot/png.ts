import { crc32, deflateSync } from 'node:zlib';

/** A PNG file of grey values, row by row. */
export const png = (pixels: Uint8Array, width: number): Buffer => {
  const height = pixels.length / width;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8; // bits for each pixel; colour type 0 is grey
  // A byte before each row says how it is filtered: 0 for not at all.
  const filtered = new Uint8Array((width + 1) * height);
  for (let y = 0; y < height; y++)
    filtered.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([
    signature,
    part('IHDR', header),
    part('IDAT', deflateSync(filtered)),
    part('IEND', Buffer.alloc(0)),
  ]);
};

/** Its length, its name, its data, and their check sum. */
const part = (name: string, data: Buffer): Buffer => {
  const named = Buffer.concat([Buffer.from(name), data]);
  const framed = Buffer.alloc(named.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(named, 4);
  framed.writeUInt32BE(crc32(named), named.length + 4);
  return framed;
};
