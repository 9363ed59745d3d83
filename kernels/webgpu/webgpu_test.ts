import { testConformance } from "../conformance/mod.ts";
import { findAdapter } from "./adapter.ts";
import { createWebGpuDevice } from "./mod.ts";

if (await findAdapter()) testConformance("webgpu", () => createWebGpuDevice());
else Deno.test.ignore("webgpu: no adapter on this machine", () => {});
