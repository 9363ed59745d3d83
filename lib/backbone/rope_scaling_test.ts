import { assertClose } from "#test";
import { golden } from "./_golden.ts";
import type { Llama3RopeScaling } from "./config.ts";
import { llama3FrequencyFactors } from "./rope_scaling.ts";

Deno.test("llama3FrequencyFactors() divides the frequencies as transformers does", () => {
  type Case = Llama3RopeScaling & { headDim: number; ropeTheta: number; factors: number[] };
  for (
    const { headDim, ropeTheta, factors, ...scaling } of golden<{ cases: Case[] }>("rope_factors.json").cases
  ) {
    const ours = llama3FrequencyFactors({ ...scaling, type: "llama3" }, headDim, ropeTheta);
    // transformers computes in f32.
    assertClose(ours.map((f, i) => f / factors[i]!), factors.map(() => 1), 1e-5, `factor ${scaling.factor}`);
  }
});
