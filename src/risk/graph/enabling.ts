/**
 * What one threat gives an attacker for another. A row says: once a threat of `by` works for an actor at `where`, the actor has
 * `gains`, and threats of `helps` go better for him. Without a row threats stand side by side. Our judgement (mark I); the ids of
 * ATLAS v5.6.0 name the technique that does the same.
 */

/**
 * | gain | what it changes |
 * |---|---|
 * | knowledge | success counts as for an actor who knows the model inside out |
 * | trigger | success is certain for whoever gets an input there |
 * | access, credentials | it is one of the ways that have to be forced: what shows that it can be raises the lower end of such a way |
 * | filter | the control that the component is does not act: success counts as without it |
 */
export type Gain = "knowledge" | "trigger" | "access" | "credentials" | "filter";

export interface Enabling {
  readonly by: readonly string[];
  /**
   * `same`: at the component the helped threat is to. `parts`: at it, or at a component that holds what the model is made of.
   * `filter`: at the component that a control on the way is. `here`: at the helped threat's place or at what hands on to it.
   */
  readonly where: "same" | "parts" | "filter" | "here";
  readonly gains: Gain;
  readonly helps: readonly string[] | "all";
  readonly because: string;
}

const USES_KNOWLEDGE = ["T-01", "T-02", "T-17", "T-18", "T-19", "T-20", "T-24", "T-26"];

export const ENABLING: readonly Enabling[] = [
  {
    by: ["T-15"],
    where: "same",
    gains: "knowledge",
    helps: USES_KNOWLEDGE,
    because:
      "a copy answers any number of questions and has gradients, and what fools it often fools the original (AML.T0005.001, AML.T0043.002)",
  },
  {
    by: ["T-11", "T-12", "T-16"],
    where: "same",
    gains: "knowledge",
    helps: USES_KNOWLEDGE,
    because: "who holds the weights optimises against the model itself (AML.T0044, AML.T0043.000)",
  },
  {
    by: ["T-21", "T-32", "T-35", "T-36"],
    where: "parts",
    gains: "knowledge",
    helps: USES_KNOWLEDGE,
    because: "the weights lie there, and who gets in takes them along (AML.T0035)",
  },
  {
    by: ["T-22"],
    where: "same",
    gains: "knowledge",
    helps: ["T-24", "T-26"],
    because: "who has read the instructions writes around them (AML.T0056, AML.T0069.002)",
  },
  {
    by: ["T-08"],
    where: "same",
    gains: "trigger",
    helps: ["T-01", "T-02"],
    because:
      "a planted trigger turns every input that carries it, whatever the model withstands otherwise (AML.T0043.004)",
  },
  {
    by: ["T-32"],
    where: "here",
    gains: "credentials",
    helps: "all",
    because: "who has somebody else's account acts as that person (AML.T0012)",
  },
  {
    by: ["T-11", "T-12", "T-35"],
    where: "here",
    gains: "access",
    helps: "all",
    because:
      "who runs code at a place writes what it hands on, a model under construction included (AML.T0010, AML.T0049)",
  },
  {
    by: ["T-08", "T-09", "T-12", "T-13"],
    where: "filter",
    gains: "filter",
    helps: "all",
    because: "a filter that is itself a model stops nothing once it has been altered (S-127)",
  },
];
