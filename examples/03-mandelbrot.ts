// Render an image in bands, as typed arrays that are moved from the workers and not copied.

import { writeFile } from 'node:fs/promises';
import { parallelMap, sweep } from 'rx-parfor';
import { lastValueFrom, reduce } from 'rxjs';
import { png } from './mandelbrot/png.js';
import { renderBand, type View } from './mandelbrot/renderBand.js';

const view: View = { width: 960, height: 640, steps: 500 };
const bandHeight = 16;
const bands = Array.from(
  { length: view.height / bandHeight },
  (_, i) => [i * bandHeight, (i + 1) * bandHeight] as const,
);

// Bands through the middle cost far more than those at the edges; workers take the next one when they are free.
const pixels = await lastValueFrom(
  sweep(bands).pipe(
    parallelMap(renderBand, { kwargs: view, progress: true }),
    reduce(
      (image, band, i) => {
        image.set(band, i * bandHeight * view.width);
        return image;
      },
      new Uint8Array(view.width * view.height),
    ),
  ),
);

await writeFile('mandelbrot.png', png(pixels, view.width));
const area = (pixels.filter(pixel => pixel === 0).length * 3 ** 2) / view.width ** 2;
console.log(`area       ${area.toFixed(2)} (known: 1.51)`);
console.log('written    mandelbrot.png');
