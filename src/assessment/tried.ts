/** Which threats each kind of trial is evidence on: one table for whoever plans trials and whoever explains what is tried. */
export const TRIAL_THREATS = {
  clean: [],
  evasion: ["T-01"],
  patch: ["T-02"],
  corruption: ["T-04"],
  // What loading a file does. Of backdoors in weights (T-08, T-09) no scan says anything.
  scan: ["T-11"],
  // That nothing was found says little about somebody who hides poison: no threat is tested by it.
  data: [],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type TrialKind = keyof typeof TRIAL_THREATS;

/**
 * Threats by which a tampered file comes. Where its hash stands in the system file, that it is the file meant is shown; what was
 * put into the weights before is not, and a scan says nothing of it.
 */
export const BY_TAMPERED_FILES: readonly string[] = ["T-08", "T-09", "T-12", "T-38"];
