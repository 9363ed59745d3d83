/**
 * What an adapter is and can do, for `doctor`.
 *
 * @module
 */
import { openAdapter, type OpenedAdapter, wantedLimits } from "./adapter.ts";
import { roomOn, tellsRoom } from "./device_memory.ts";
import { Readback } from "./readback.ts";

/** Makers by their numbers (of PCI, and of Vulkan for software), which is what Deno tells of them. */
const vendors: Readonly<Record<string, string>> = {
  [0x1002]: "AMD",
  [0x106b]: "Apple",
  [0x10de]: "NVIDIA",
  [0x1414]: "Microsoft",
  [0x8086]: "Intel",
  [0x10005]: "Mesa",
};

/** What `doctor` tells of an adapter. */
export interface AdapterFacts {
  readonly name: string;
  /** Who made it; the number of an unknown maker. */
  readonly vendor: string;
  readonly driver: OpenedAdapter["driver"];
  readonly software: boolean;
  readonly features: OpenedAdapter["features"];
  readonly limits: Readonly<Record<typeof wantedLimits[number], number>>;
  /** How results come back, see `readback.ts`. */
  readonly readBack: "immediate" | "awaited";
  /** Bytes that the GPU had to give, see `device_memory.ts`; null where it cannot be asked. */
  readonly room: number | null;
}

/** Bytes that a GPU is asked for: more than the largest one has. */
const mostRoom = 2 ** 40;

/**
 * Opens the adapter that the system offers first, and tells of it.
 *
 * @throws {MissingError} if there is none, or none that opens
 */
export async function readAdapter(): Promise<AdapterFacts> {
  const { device, name, driver, software, features } = await openAdapter();
  const room = tellsRoom({ software }) ? await roomOn(device, mostRoom) : null;
  const limits = Object.fromEntries(wantedLimits.map((limit) => [limit, device.limits[limit]]));
  const readback = new Readback(device);
  const buffer = device.createBuffer({ size: 4, usage: GPUBufferUsage.COPY_SRC });
  for (let i = 0; i < 2; i++) {
    const commands = device.createCommandEncoder();
    await readback.read(commands, buffer, 0, 4, () => device.queue.submit([commands.finish()]));
  }
  readback.dispose();
  buffer.destroy();
  device.destroy();
  return {
    name,
    vendor: vendors[device.adapterInfo.vendor] ?? device.adapterInfo.vendor,
    driver,
    software,
    features,
    limits: limits as AdapterFacts["limits"],
    readBack: readback.path,
    room,
  };
}
