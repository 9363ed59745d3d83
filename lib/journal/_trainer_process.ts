/**
 * A stand-in for a training process, for the crash tests: `deno run _trainer_process.ts <run folder> <last step>`.
 * Each step's records depend on the state before it, as weights do; a checkpoint every 3 steps holds that state.
 */
import { sha256Hex } from "../manifest/hash.ts";
import { RunFolder } from "./run_folder.ts";

const [path, lastStep] = [Deno.args[0]!, Number(Deno.args[1])];
const identity = sha256Hex("crash test");
using run = RunFolder.open(path, {
  identity,
  intent: "{}\n",
  lock: "{}\n",
  resolved: JSON.stringify({ identity }) + "\n",
});
const { checkpoint } = run.rollBack("grace");
let state = checkpoint ? Deno.readTextFileSync(`${checkpoint.path}/state.txt`) : "start";
using steps = run.openJournal("grace", "steps");
using rationales = run.openJournal("grace", "rationales");
for (let step = (checkpoint?.step ?? 0) + 1; step <= lastStep; step++) {
  state = sha256Hex(`${state}/${step}`);
  for (let k = 0; k < 3; k++) rationales.append({ step, k, text: sha256Hex(`${state}/${k}`).repeat(50) });
  steps.append({ step, state, timing: { ms: performance.now() } });
  if (step % 3 !== 0 && step !== lastStep) continue;
  steps.flush();
  rationales.flush();
  await run.writeCheckpoint("grace", step, async (part) => {
    Deno.writeTextFileSync(`${part}/weights.bin`, state.repeat(2000));
    // Long enough that kills also fall between the two files.
    await new Promise((resolve) => setTimeout(resolve, 2));
    Deno.writeTextFileSync(`${part}/state.txt`, state);
  });
}
