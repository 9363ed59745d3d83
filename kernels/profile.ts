/**
 * Where the time of a workload goes, by op of the engine.
 *
 * @module
 */
import type { Device } from "./device.ts";

/** Calls of one op and the milliseconds they took together. */
export interface OpTime {
  readonly op: string;
  readonly calls: number;
  readonly milliseconds: number;
}

/** A device that does what another does and notes how long each op takes; `times` lists them, slowest first. */
export interface Profiled {
  readonly device: Device;
  /** Times since the last {@linkcode Profiled.reset}. */
  times(): OpTime[];
  /** Starts again from nothing. */
  reset(): void;
}

/**
 * Wraps a device whose ops are done when they return, as those of the CPU engine are: an op that is only queued would seem
 * to take no time.
 */
export function profiled(device: Device): Profiled {
  const totals = new Map<string, { calls: number; milliseconds: number }>();
  const timed = (op: string, method: (...args: unknown[]) => unknown) => (...args: unknown[]): unknown => {
    const start = performance.now();
    const result = method.apply(device, args);
    const total = totals.get(op) ?? { calls: 0, milliseconds: 0 };
    total.calls++;
    total.milliseconds += performance.now() - start;
    totals.set(op, total);
    return result;
  };
  const wrapped = new Map<PropertyKey, unknown>();
  const proxy = new Proxy(device, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (!wrapped.has(name)) {
        wrapped.set(name, timed(String(name), value as (...args: unknown[]) => unknown));
      }
      return wrapped.get(name);
    },
  });
  return {
    device: proxy,
    times: () =>
      [...totals].map(([op, total]) => ({ op, ...total })).sort((a, b) => b.milliseconds - a.milliseconds),
    reset: () => totals.clear(),
  };
}
