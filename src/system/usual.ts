/** Which usual flows each kind of component asks for (METHOD §5); an unanswered one counts as existing. */
import type { ComponentKind, UsualFlow } from "#assessment/system.ts";

/**
 * The table is our own (mark I). A person has no update port, and what stands outside the system is its owner's to answer;
 * software without media of its own (a model, a preprocessing step) is reached by update, administration and supplier.
 */
export const USUAL_FLOWS_OF = {
  model: ["update", "administration", "supplier-access"],
  interface: ["remote-maintenance", "update", "administration", "supplier-access"],
  sensor: ["import-media", "remote-maintenance", "update", "administration", "supplier-access", "physical-presence"],
  database: ["import-media", "remote-maintenance", "update", "administration", "backup", "supplier-access"],
  network: ["remote-maintenance", "update", "administration", "supplier-access", "physical-presence"],
  compute: [
    "import-media",
    "remote-maintenance",
    "update",
    "administration",
    "backup",
    "supplier-access",
    "physical-presence",
  ],
  preprocessing: ["update", "administration", "supplier-access"],
  monitoring: ["remote-maintenance", "update", "administration", "supplier-access"],
  actuator: ["remote-maintenance", "update", "administration", "supplier-access", "physical-presence"],
  human: [],
  external: [],
} as const satisfies Record<ComponentKind, readonly UsualFlow[]>;
