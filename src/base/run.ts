/** What everything that takes time gets as its first argument: a signal, a random stream, the ports, and an ear. */
import type { Host, Signal } from "./ports.ts";
import type { Rng } from "./random.ts";

/** Where a run is: the stage, the item in it, and how much of the item is done. `label` is for people. */
export interface Progress {
  readonly stage: string;
  readonly item: string;
  readonly label?: string;
  readonly done: number;
  readonly total: number;
  readonly note?: string;
}

export interface Run<Ports = Host> {
  readonly signal: Signal;
  readonly rng: Rng;
  readonly ports: Ports;
  readonly progress: (step: Progress) => void;
}
