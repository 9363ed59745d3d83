/**
 * Python's `strftime` for a calendar day, as chat templates use it.
 *
 * @module
 */
import { UsageError } from "#errors";

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/**
 * Formats midnight of a day in the C locale.
 *
 * @param day ISO date, "2024-07-26"
 * @param format Python format, such as "%d %b %Y"
 * @throws {UsageError} when `day` is not a date, or `format` has a directive that is not supported
 */
export function strftime(day: string, format: string): string {
  const date = parseDay(day);
  return format.replace(/%(-?.)/gsu, (whole, directive: string) => {
    const unpadded = directive.startsWith("-");
    const value = field(date, unpadded ? directive.slice(1) : directive);
    if (value === undefined) {
      throw new UsageError(
        `the chat template formats a date with "${whole}"`,
        "use a template with a plain date",
      );
    }
    return unpadded ? value.replace(/^0(?=\d)/, "") : value;
  });
}

/** @returns midnight UTC of the day */
function parseDay(day: string): Date {
  const date = new Date(`${day}T00:00:00Z`);
  if (
    !/^\d{4}-\d\d-\d\d$/.test(day) || Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== day
  ) {
    throw new UsageError(`"${day}" is not a date`, 'write it as "2024-07-26"');
  }
  return date;
}

function field(date: Date, directive: string): string | undefined {
  const two = (n: number) => String(n).padStart(2, "0");
  const day = date.getUTCDate(), month = date.getUTCMonth(), year = date.getUTCFullYear();
  const iso = `${String(year).padStart(4, "0")}-${two(month + 1)}-${two(day)}`;
  switch (directive) {
    case "d":
      return two(day);
    case "e":
      return String(day).padStart(2, " ");
    case "m":
      return two(month + 1);
    case "b":
      return MONTHS[month]!.slice(0, 3);
    case "B":
      return MONTHS[month]!;
    case "a":
      return WEEKDAYS[date.getUTCDay()]!.slice(0, 3);
    case "A":
      return WEEKDAYS[date.getUTCDay()]!;
    case "Y":
      return String(year);
    case "y":
      return two(year % 100);
    case "F":
      return iso;
    case "H":
    case "M":
    case "S":
      return "00";
    case "T":
      return "00:00:00";
    case "%":
      return "%";
    default:
      return undefined;
  }
}
