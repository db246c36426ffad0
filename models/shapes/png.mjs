import { deflateSync, crc32 as zlibCrc32 } from 'node:zlib'

/** A grey picture as a PNG file. Source: the PNG specification, third edition. */
export function grayPng(pixels, width, height) {
  const rows = Buffer.alloc((width + 1) * height)
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1)
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = 8
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(name, data) {
  const result = Buffer.alloc(data.length + 12)
  result.writeUInt32BE(data.length, 0)
  result.write(name, 4, 'latin1')
  data.copy(result, 8)
  result.writeUInt32BE(zlibCrc32(result.subarray(4, -4)), data.length + 8)
  return result
}
