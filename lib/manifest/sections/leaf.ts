/**
 * The kinds of leaves that the sections of a manifest are made of.
 *
 * @module
 */
import { z } from "zod";

/** An integer from `min` upwards. */
export const integer = (min: number, max: number = Number.MAX_SAFE_INTEGER) => z.int().min(min).max(max);

/** A finite number above 0. */
export const positive = () => z.number().gt(0);

/** A finite number from 0 upwards. */
export const nonNegative = () => z.number().min(0);

/** A number from 0 (included) to 1 (not included), as the decay rates of Adam are. */
export const decay = () => z.number().min(0).lt(1);
