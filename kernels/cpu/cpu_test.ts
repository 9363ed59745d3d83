import { testConformance } from "../conformance/mod.ts";
import { createCpuDevice } from "./mod.ts";

testConformance("cpu", () => createCpuDevice());
