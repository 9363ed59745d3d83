import { assert } from "#test";
import { leafPaths, leavesOf } from "./leaves.ts";
import { viewSettings } from "./overview.ts";
import { resolveManifest } from "./resolve.ts";

const view = (...args: Parameters<typeof resolveManifest>) =>
  new Map(viewSettings(resolveManifest(...args)).map((one) => [one.path, one]));

Deno.test("viewSettings() has every setting and control once, with value and origin", () => {
  const resolved = resolveManifest({ seed: 7, controls: { hot: { of: "grace", rationale: false } } });
  const views = viewSettings(resolved);
  assert.deepEqual(views.map(({ path }) => path).slice(0, leafPaths().length), leafPaths());
  assert.deepEqual(
    new Map(views.map(({ path, value }) => [path, value])),
    leavesOf(resolved.manifest),
  );
  for (const { path, source } of views) assert.equal(source, resolved.provenance[path], path);
});

Deno.test("viewSettings() tells what the own preset, paper and code have instead, with the numbers", () => {
  const views = view({ preset: "fixed", reward: { lambda2: 0.5 } });
  assert.deepEqual(views.get("reward.lambda2"), {
    path: "reward.lambda2",
    value: 0.5,
    source: "grace.json",
    instead: { fixed: 0.2, paper: 0.2, code: 0.2 },
    ids: ["P8"],
  });
  assert.deepEqual(views.get("reward.grouping")!.instead, { code: "prompt" });
  assert.deepEqual(views.get("reward.grouping")!.ids, ["B3", "B18"]);
});

Deno.test("viewSettings() compares a preset with itself as equal, whatever the kind of data", () => {
  for (const preset of ["paper", "code", "fixed", "tiny"] as const) {
    for (const kind of ["supervised", "unsupervised"] as const) {
      const views = view({ preset, data: { kind }, arms: ["base", "grace"] });
      const others = [...views.values()].filter(({ instead }) => instead[preset] !== undefined);
      assert.deepEqual(others.map(({ path }) => path).filter((path) => path !== "arms"), [], preset);
    }
  }
  const negatives = view({ preset: "fixed", data: { kind: "unsupervised" }, arms: ["base"] });
  assert.deepEqual(negatives.get("reward.negatives")!.instead, { paper: "shared" }, "code as for this kind");
});

Deno.test("viewSettings() says of what is compared, and where it lies, only that it is not the preset's", () => {
  const views = view({
    preset: "fixed",
    suite: "smoke",
    controls: { hot: { of: "grace", rationale: false } },
  }, [
    { path: "backbone", value: "./m", source: "--backbone" },
  ]);
  assert.deepEqual(views.get("suite")!.instead, { fixed: "mini" });
  assert.deepEqual(views.get("backbone")!.instead, { fixed: "tiny" });
  assert.deepEqual(views.get("controls.hot")!.instead, { fixed: null });
  assert.deepEqual(views.get("preset")!.instead, {});
});
