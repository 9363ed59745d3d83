/**
 * From what a user or a manifest calls a suite to its tasks.
 *
 * @module
 */
import { UsageError } from "#errors";
import { suggest } from "../lib/manifest/suggest.ts";
import { type Category, TYPE_NAMES } from "./category.ts";
import { generalName } from "./general/general_task.ts";
import { DEFAULT_PROFILE, scoringProfile } from "./mteb/profile.ts";
import { type Suite, type SuiteEntry, SUITES } from "./suite.ts";

/**
 * The suite of that id, or a part of one, or one under another profile:
 *
 *     mteb-eng-v1
 *     mteb-eng-v1:STS,SciFact             its tasks of the type STS, and SciFact
 *     subset-16@mteb-2+sklearn-1.3        scored as mteb 2 with scikit-learn 1.3 scores
 *
 * @throws UsageError if there is no such suite, profile, or task or type in the suite
 */
export function findSuite(id: string): Suite {
  const [, name, , filter, , profileId] = /^([^:@]*)(:([^@]*))?(@(.*))?$/s.exec(id) ?? [];
  const whole = SUITES.find((candidate) => candidate.id === name);
  if (whole === undefined) {
    const near = suggest(name ?? id, SUITES.map((known) => known.id));
    throw new UsageError(
      `unknown suite "${name ?? id}"`,
      `${near === undefined ? "" : `did you mean ${near}? `}suites: ${
        SUITES.map((known) => known.id).join(", ")
      }`,
    );
  }
  const profile = profileId === undefined ? DEFAULT_PROFILE : scoringProfile(profileId);
  const entries = filter === undefined ? whole.entries : chosen(whole, filter.split(","));
  return {
    ...whole,
    id: whole.id + (filter === undefined ? "" : `:${filter}`) +
      (profile.id === DEFAULT_PROFILE.id ? "" : `@${profile.id}`),
    ...filter !== undefined && {
      about: `${entries.length} of ${whole.entries.length} tasks of "${whole.id}": ${whole.about}`,
    },
    entries,
    ...profile.id !== DEFAULT_PROFILE.id && { profile },
  };
}

/** What a user may choose of a suite. */
export interface SuiteChoice {
  readonly suite?: string | undefined;
  /** Names of tasks. */
  readonly tasks?: readonly string[] | undefined;
  /** Names of types, such as "STS". */
  readonly types?: readonly string[] | undefined;
  readonly profile?: string | undefined;
}

/**
 * The id of what was chosen, for {@linkcode findSuite}; undefined if nothing was. Tasks and types without a suite are those of
 * MTEB.
 *
 * @param standard the suite that a profile applies to where none is named
 * @throws UsageError if tasks and types are both chosen
 */
export function suiteId(choice: SuiteChoice, standard: string): string | undefined {
  const { suite, tasks, types, profile } = choice;
  if (tasks && types) throw new UsageError("--tasks together with --types", "name the tasks, or the types");
  const names = tasks ?? types;
  if (names === undefined && profile === undefined) return suite;
  const whole = suite ?? (tasks ? "mteb" : types ? "mteb-eng-v1" : standard);
  return whole + (names ? `:${names.join(",")}` : "") + (profile ? `@${profile}` : "");
}

/** Name of a task in its suite, without what tells its slice or languages. */
export function entryName(entry: SuiteEntry): string {
  return entry.benchmark === "mteb" || entry.benchmark === "embedded"
    ? entry.task.name.replace(/\[.*/, "")
    : generalName(entry);
}

/** Category of a task of a suite. */
export function entryCategory(entry: SuiteEntry): Category {
  return entry.benchmark === "mteb" || entry.benchmark === "embedded" ? entry.task.category : "general";
}

/** The entries of which a name or type is asked for, in the order of the suite. */
function chosen({ id, entries }: Suite, names: readonly string[]): SuiteEntry[] {
  const taken = new Set<SuiteEntry>();
  const typeOf = (entry: SuiteEntry) => TYPE_NAMES[entryCategory(entry)];
  for (const name of names) {
    const named = entries.filter((entry) => entryName(entry) === name);
    const found = named.length > 0
      ? named
      : entries.filter((entry) => typeOf(entry).toLowerCase() === name.toLowerCase());
    if (found.length === 0) {
      const near = suggest(name, [...entries.map(entryName), ...Object.values(TYPE_NAMES)]);
      throw new UsageError(
        `the suite "${id}" has no task or type "${name}"`,
        `${near === undefined ? "" : `did you mean ${near}? `}eval --list --suite ${id} prints its tasks`,
      );
    }
    for (const entry of found) taken.add(entry);
  }
  return entries.filter((entry) => taken.has(entry));
}
