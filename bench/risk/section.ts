/** What a section of `npm run bench:risk` is: lines to print, and whether every bound it states was kept. */
export interface Section {
  readonly title: string;
  readonly run: () => Report | Promise<Report>;
}

export interface Report {
  readonly lines: readonly string[];
  readonly met: boolean;
}

/** One figure against its bound: `holds` or `FAILS` stands last on the line. */
export interface Bound {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly atMost: number;
}

export const boundLine = ({ what, value, unit, atMost }: Bound): string =>
  `${what.padEnd(58)} ${value.toFixed(2).padStart(8)} ${unit}   bound ${atMost} ${unit}   ${value <= atMost ? "holds" : "FAILS"}`;

export const reportOf = (bounds: readonly Bound[], lines: readonly string[] = []): Report => ({
  lines: [...lines, ...bounds.map(boundLine)],
  met: bounds.every(({ value, atMost }) => value <= atMost),
});

/** Seconds of this thread's own computing time that something took: one core, and a busy machine is no mistake. */
export function computing<T>(work: () => T): { readonly result: T; readonly seconds: number } {
  const start = process.threadCpuUsage();
  const result = work();
  const { user, system } = process.threadCpuUsage(start);
  return { result, seconds: (user + system) / 1e6 };
}

/** The quickest of several runs: the first ones compile the code, and others wait for the machine. */
export function quickest<T>(times: number, work: () => T): { readonly result: T; readonly seconds: number } {
  let best = computing(work);
  for (let i = 1; i < times; i++) {
    const next = computing(work);
    if (next.seconds < best.seconds) best = next;
  }
  return best;
}
