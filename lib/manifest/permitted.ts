/**
 * Which values a setting may have, in words: read off the published JSON schema.
 *
 * @module
 */
import { schemaJson } from "./schema.ts";

/** What the schema of a section or a setting says, as far as it is told in words. */
export interface SettingSchema {
  readonly type?: "boolean" | "string" | "integer" | "number" | "array" | "object";
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly minItems?: number;
  readonly items?: SettingSchema;
  /** Settings of a section, by key. */
  readonly properties?: Readonly<Record<string, SettingSchema>>;
}

let published: SettingSchema | undefined;

/** The published schema of a section or a setting; undefined if there is none of that path. */
export function settingSchema(path: string): SettingSchema | undefined {
  let schema: SettingSchema | undefined = published ??= schemaJson() as SettingSchema;
  for (const key of path.split(".")) {
    schema = schema?.properties !== undefined && Object.hasOwn(schema.properties, key)
      ? schema.properties[key]
      : undefined;
  }
  return schema;
}

/** "whole number of at least 2", `one of "grpo", "rloo"`, "number above 0, at most 1". */
export function describePermitted(schema: SettingSchema): string {
  const { type, enum: values, minLength = 0, minItems = 0, items } = schema;
  if (values) return `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`;
  switch (type) {
    case "boolean":
      return "true or false";
    case "string":
      return minLength > 0 ? "text that is not empty" : "text";
    case "integer":
      return `whole number${describeRange(schema)}`;
    case "number":
      return `number${describeRange(schema)}`;
    case "array": {
      const each = items?.enum ? `, each ${describePermitted(items)}` : " of texts";
      return `list${each}${minItems > 0 ? `, at least ${minItems}` : ""}`;
    }
    default:
      return "object";
  }
}

function describeRange(
  { minimum, maximum, exclusiveMinimum, exclusiveMaximum }: SettingSchema,
): string {
  // The largest integer that a JSON number holds is the schema library's way to say that there is no bound.
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (minimum !== undefined && most !== undefined) return ` from ${minimum} to ${most}`;
  const bounds = [
    minimum !== undefined && `of at least ${minimum}`,
    exclusiveMinimum !== undefined && `above ${exclusiveMinimum}`,
    most !== undefined && `at most ${most}`,
    exclusiveMaximum !== undefined && `below ${exclusiveMaximum}`,
  ].filter((bound) => bound !== false);
  return bounds.length === 0 ? "" : ` ${bounds.join(", ")}`;
}
