import { assertClose } from "#test";
import { assertRows, backwardTolerance } from "../conformance/harness.ts";
import { infoNce, infoNceBackward } from "../reference/info_nce.ts";
import { l2Normalize } from "../reference/norm.ts";
import { TestRandom } from "../reference/random.ts";
import { limitsTest } from "./_limits_test_helper.ts";

limitsTest(
  "infoNce() takes the similarities by blocks of rows, and excludes in each of them",
  { maxBinding: 9000, maxGroups: 12 },
  async ({ small }) => {
    const random = new TestRandom(1), n = 70, m = 91, dim = 24, { device } = small;
    const [q, c] = [n, m].map((rows) => l2Normalize(random.normals(rows * dim), dim).map(Math.fround));
    const excluded = Uint8Array.from({ length: n * m }, (_, at) => {
      return Math.floor(at / m) !== at % m && random.uniform() < 0.2 ? 1 : 0;
    });
    const spec = { temperature: 0.1, excluded }, dq = small.out(n, dim), dc = small.out(m, dim);
    const loss = await device.infoNce(small.put(q!, n, dim), small.put(c!, m, dim), spec, dq, dc);
    assertClose([loss], [infoNce(q!, c!, n, m, spec)], 1e-6, "loss");
    const expected = infoNceBackward(q!, c!, n, m, spec), [dqRead, dcRead] = await small.read(dq, dc);
    assertRows(dqRead!, expected.dq, dim, backwardTolerance, "dq");
    assertRows(dcRead!, expected.dc, dim, backwardTolerance, "dc");
  },
);

limitsTest("infoNce() keeps the digits of a solved batch", {}, async ({ large }) => {
  // Every row is its own candidate and orthogonal to the others: a loss of log(1 + 3·e^(−16)).
  const n = 4, identity = Float64Array.from({ length: n * n }, (_, i) => i % (n + 1) === 0 ? 1 : 0);
  const spec = { temperature: 1 / 16 },
    unit = large.put(identity, n, n),
    [dq, dc] = [large.out(n, n), large.out(n, n)];
  const loss = await large.device.infoNce(unit, large.put(identity, n, n), spec, dq!, dc!);
  assertClose([loss / Math.log1p(3 * Math.exp(-16))], [1], 1e-6, "loss");
  const expected = infoNceBackward(identity, identity, n, n, spec), [dqRead] = await large.read(dq!);
  assertRows(dqRead!, expected.dq, n, backwardTolerance, "dq");
});
