// Whether a picture has several frames, which makes it a clip. A still one is cut into slices instead.

const CHECKS = { "image/gif": gifMoves, "image/png": pngMoves, "image/webp": webpMoves };

export async function isMovingPicture(blob) {
  const check = CHECKS[blob.type];
  if (!check) return false;
  try {
    return check(new DataView(await blob.arrayBuffer()));
  } catch (error) {
    if (error instanceof RangeError) return false; // cut off: the server says so
    throw error;
  }
}

// Blocks up to a second frame, by the GIF89a specification.
function gifMoves(file) {
  const tableBytes = (flags) => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);
  let place = 13 + tableBytes(file.getUint8(10));
  for (let frames = 0; ; ) {
    const kind = file.getUint8(place);
    if (kind === 0x2c && (frames += 1) === 2) return true;
    if (kind === 0x2c) place += 11 + tableBytes(file.getUint8(place + 9));
    else if (kind === 0x21) place += 2;
    else return false;
    for (let size; (size = file.getUint8(place)); ) place += 1 + size;
    place += 1;
  }
}

// Chunks up to the first that has pixels.
function pngMoves(file) {
  for (let place = 8; ; place += 12 + file.getUint32(place)) {
    const kind = file.getUint32(place + 4);
    if (kind === 0x6163544c) return file.getUint32(place + 8) > 1; // acTL
    if (kind === 0x49444154) return false; // IDAT
  }
}

// A flag of the extended format.
function webpMoves(file) {
  return file.getUint32(12) === 0x56503858 && Boolean(file.getUint8(20) & 2); // VP8X
}
