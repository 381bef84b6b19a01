/**
 * An attack graph as monotone boolean equations over independent random events (METHOD §8). It knows nothing of systems: a state is
 * gained when one of the steps into it has all it needs and all its events; nothing gained is lost, so cycles settle at the least
 * fixed point. Steps that share a cause name the same event.
 */
export interface GraphModel {
  /** States held from the beginning. */
  readonly start: readonly string[];
  readonly events: readonly GraphEvent[];
  readonly steps: readonly GraphStep[];
}

export interface GraphEvent {
  readonly id: string;
  /** Probabilities in [0, 1], low ≤ likely ≤ high. */
  readonly low: number;
  readonly likely: number;
  readonly high: number;
  /** Whether the figure is assumed: such come first where widths are equal. */
  readonly assumed: boolean;
}

export interface GraphStep {
  readonly id: string;
  /** All of these states are needed. */
  readonly needs: readonly string[];
  /** All of these events have to happen. */
  readonly events: readonly string[];
  readonly gains: string;
}
