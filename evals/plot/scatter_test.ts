import { assert } from "#test";
import { drawScatter, type ScatterPoint } from "./scatter.ts";

const draw = (points: readonly ScatterPoint[], lines: readonly string[][] = []) =>
  drawScatter({ title: "t", x: "x", y: "y", points, lines });

const point = (name: string, x: number, y: number): ScatterPoint => ({ name, x, y, group: 0 });

const dots = (svg: string) =>
  [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);

Deno.test("drawScatter() puts larger x to the right and larger y to the top", () => {
  const [top, bottom] = dots(draw([point("low", 0, 0), point("high", 3, 3)]));
  assert.deepEqual([top, bottom], [[510, 52], [52, 396]]);
});

Deno.test("drawScatter() moves a name down that would cover another", () => {
  const svg = draw([point("a", 0, 1), point("b", 0, 1), point("c", 1, 0)]);
  const ys = [...svg.matchAll(/y="([\d.]+)" fill="#[0-9a-f]+">[abc]</g)].map(([, y]) => Number(y));
  assert.equal(ys.length, 3);
  assert.equal(ys[1]! - ys[0]!, 12);
});

Deno.test("drawScatter() joins the points of a line in its order", () => {
  const svg = draw([point("a", 0, 0), point("b", 3, 3), point("c", 0, 3)], [["b", "a", "c"]]);
  assert.match(svg, /<path d="M510 52L52 396L52 52"/);
});

Deno.test("drawScatter() refuses what has no place", () => {
  assert.throws(() => draw([point("a", NaN, 0)]), RangeError);
  assert.throws(() => draw([point("a", 0, 0)], [["a", "b"]]), /no point "b"/);
});

Deno.test("drawScatter() places the names of arms that all score the same, wherever that is", () => {
  for (let i = 1; i < 100; i++) {
    const same = Array.from({ length: 16 }, (_, k) => point(`same ${k}`, i / 7, i / 13));
    assert.equal(dots(draw([...same, point("other", 0, 0)])).length, 17);
  }
});
