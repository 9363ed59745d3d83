import { assertSameBits } from "#test";
import { TestRandom } from "../reference/random.ts";
import { createCpuDevice } from "./mod.ts";

/** Rows of this width whose gradient is one sum. */
const width = 192, together = Math.floor(2 ** 16 / width);

Deno.test("rmsNormBackward() gives the bits of its groups of rows, one after the other", async () => {
  const device = createCpuDevice(), random = new TestRandom(1);
  const w = device.upload(Float32Array.from(random.normals(width)), [width]);
  for (const rows of [together + 1, together + 2, 2 * together, 5 * together + 2, 9 * together + 1]) {
    const shape = [rows, width];
    const [dy, x, before] = [1, 2, 3].map(() => Float32Array.from(random.normals(rows * width)));
    const run = async (ends: number[]) => {
      const tensors = [dy!, x!, before!].map((data) => device.upload(data, shape));
      const dw = device.upload(new Float32Array(width), [width]);
      ends.forEach((end, i) => {
        const [dyPart, xPart, dxPart] = tensors.map((tensor) => device.rows(tensor, ends[i - 1] ?? 0, end));
        device.rmsNormBackward(dyPart!, xPart!, w, 1e-5, dxPart!, dw, true);
      });
      const [dx, sum] = [await device.read(tensors[2]!), await device.read(dw)];
      device.free(...tensors, dw);
      return { dx, sum };
    };
    const ends = [];
    // A group of one row alone is no group.
    for (let end = together; end < rows - 1; end += together) ends.push(end);
    const [whole, parts] = [await run([rows]), await run([...ends, rows])];
    assertSameBits(whole.dx, parts.dx, `dx of ${rows} rows`);
    assertSameBits(whole.sum, parts.sum, `dw of ${rows} rows`);
  }
  device.dispose();
});
