/* Times: microseconds since 1970 UTC, shown in the one zone of the package, which is named beside them. */

const OFFSET = /^([+-])(\d\d):(\d\d)$/;

export class Zone {
  readonly name: string;
  readonly #shift_ms: number;

  /** `+08:00`; anything else is UTC. */
  constructor(offset: string) {
    const match = OFFSET.exec(offset);
    const minutes = match === null ? 0 : Number(match[2]) * 60 + Number(match[3]);
    this.#shift_ms = minutes * 60_000 * (match?.[1] === "-" ? -1 : 1);
    this.name = match === null ? "UTC" : `UTC${offset}`;
  }

  /** `2026-03-01 08:00:00`, rounded down; a dash for a moment that nobody can mean. */
  show(at_us: number): string {
    const date = this.#local(at_us);
    return date === null ? "—" : date.toISOString().slice(0, 19).replace("T", " ");
  }

  /** Time of the day, with the date before it where the step is a day or longer. */
  tick(at_us: number, step_us: number): string {
    const text = this.show(at_us);
    return step_us >= 86_400_000_000 ? text.slice(5, 10) : step_us >= 60_000_000 ? text.slice(11, 16) : text.slice(11);
  }

  /** A period; the date of the end only where it is another. */
  span(from_us: number, to_us: number): string {
    const from = this.show(from_us);
    const to = this.show(to_us);
    return from === to ? from : `${from} – ${from.slice(0, 10) === to.slice(0, 10) ? to.slice(11) : to}`;
  }

  /** Round local times within a period, at most `most` of them. */
  ticks(from_us: number, to_us: number, most: number): { readonly at_us: number; readonly label: string }[] {
    const step_us = STEPS_US.find((one) => (to_us - from_us) / one <= most) ?? (STEPS_US.at(-1) as number);
    const shift_us = this.#shift_ms * 1000;
    const found = [];
    for (let at = Math.ceil((from_us + shift_us) / step_us) * step_us - shift_us; at < to_us; at += step_us) {
      found.push({ at_us: at, label: this.tick(at, step_us) });
    }
    return found;
  }

  #local(at_us: number): Date | null {
    const date = new Date(Math.floor(at_us / 1000) + this.#shift_ms);
    return Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9998 ? null : date;
  }
}

const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
const STEPS_US = [
  1, 2, 5, 10, 30].map((one) => one * SECOND).concat(
  [1, 5, 15, 30, 60, 180, 360, 720, 1440, 2880, 7200, 14400, 43200, 86400, 172800, 525600].map((one) => one * MINUTE));

/** `1 h 02 min`, `45 s`, `0.5 s`: the same in both languages' reports. */
export function lengthText(length_us: number): string {
  const seconds = length_us / SECOND;
  if (seconds < 60) {
    return `${Number(seconds.toFixed(seconds < 10 ? 1 : 0))} s`;
  }
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) {
    return `${minutes} min ${String(Math.floor(seconds % 60)).padStart(2, "0")} s`;
  }
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${String(minutes % 60).padStart(2, "0")} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
