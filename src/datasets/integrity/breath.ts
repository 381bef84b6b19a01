/** Long loops that let others work: a signal, a line of progress. They count what they do, for nobody here reads a clock. */

/** Multiplications between two pauses: some hundredths of a second. */
const WORK = 2e7;

/** Counts `work`; a promise to wait for where enough has come together since the last one. */
export type Breath = (work: number) => Promise<void> | undefined;

/** `told` hears at each pause, so that short loops say nothing. */
export function breathOf(pause: () => Promise<void>, told?: () => void): Breath {
  let left = WORK;
  return (work) => {
    left -= work;
    if (left > 0) return undefined;
    left = WORK;
    told?.();
    return pause();
  };
}

/** What a long part of a check needs of its run. */
export interface Part {
  readonly pause: () => Promise<void>;
  /** Hears how much of the part is done. */
  readonly told: (done: number, total: number) => void;
}

/** A breath that says how far `done` of `total` is each time it is taken; `end` says that the part is over. */
export function pacedBy(
  { pause, told }: Part,
  total: number,
): { readonly breath: (done: number, work: number) => Promise<void> | undefined; readonly end: () => void } {
  let at = 0;
  let said = false;
  const breath = breathOf(pause, () => {
    said = true;
    told(at, total);
  });
  return {
    breath(done, work) {
      at = done;
      return breath(work);
    },
    end() {
      if (said) told(total, total);
    },
  };
}
