/**
 * The floors of the house: which room may import which, in one table. Writes the linter's configuration from it, so that
 * the linter explains each refusal; `--check` says whether the committed configuration is what the table gives.
 */
import { readFileSync, writeFileSync } from "node:fs";

const ROOMS = [
  "base",
  "assessment",
  "formats",
  "system",
  "knowledge",
  "imports",
  "datasets",
  "onnx",
  "threats",
  "risk",
  "claims",
  "attacks",
  "certificates",
  "artefacts",
  "provenance",
  "figures",
  "reports",
  "assess",
  "host",
  "cli",
] as const;
type Room = (typeof ROOMS)[number];

/** What each room may import besides itself, `base` and `assessment`. */
export const FLOORS: Readonly<Record<Room, readonly Room[]>> = {
  base: [],
  assessment: [],
  formats: [],
  system: [],
  knowledge: [],
  imports: ["formats", "system"],
  datasets: ["formats"],
  onnx: ["formats"],
  threats: ["system"],
  risk: ["system"],
  claims: ["system"],
  attacks: ["onnx", "datasets"],
  certificates: ["onnx", "datasets"],
  artefacts: ["formats", "onnx"],
  provenance: ["formats", "system"],
  figures: ["system"],
  reports: ["figures"],
  assess: [
    "formats",
    "system",
    "knowledge",
    "imports",
    "datasets",
    "onnx",
    "threats",
    "risk",
    "claims",
    "attacks",
    "certificates",
    "artefacts",
    "provenance",
    "figures",
    "reports",
  ],
  host: ["formats", "onnx", "datasets", "artefacts", "provenance", "assess"],
  cli: [
    "formats",
    "system",
    "knowledge",
    "imports",
    "datasets",
    "onnx",
    "threats",
    "risk",
    "claims",
    "attacks",
    "certificates",
    "artefacts",
    "provenance",
    "figures",
    "reports",
    "assess",
    "host",
  ],
};

const DOORS: readonly Room[] = ["cli"];
/** Rooms the browser uses too. */
const PORTABLE: readonly Room[] = ["base", "assessment", "system", "risk", "claims", "figures"];
const EFFECTS = [
  "process",
  "fetch",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "performance",
  "XMLHttpRequest",
  "WebSocket",
  "Buffer",
];

function overrideFor(room: Room): object {
  const allowed = new Set<Room>(["base", ...(room === "base" ? [] : (["assessment"] as const)), room, ...FLOORS[room]]);
  const banned = ROOMS.filter((other) => !allowed.has(other));
  const effectful = room === "host" || DOORS.includes(room);
  const rules: Record<string, unknown> = {
    "no-restricted-imports": [
      "error",
      {
        patterns: [
          {
            group: ["../*"],
            message: "visit another room by its name (#room/file.ts), so that every crossing shows in the import line",
          },
          ...banned.map((other) => ({
            group: [`#${other}/*`],
            message: `${room} may not import ${other}: see the floors in docs/architecture.md; if the visit feels wrong, move the noun, not the wall`,
          })),
          ...(effectful
            ? []
            : [
                {
                  group: ["node:*", "onnxruntime-node", "onnxruntime-common"],
                  message: `${room} touches nothing outside: effects arrive as ports in Run; host/ implements them`,
                },
              ]),
        ],
      },
    ],
    "no-console": "error",
  };
  if (!effectful) {
    rules["no-restricted-globals"] = [
      "error",
      ...EFFECTS.map((name) => ({ name, message: `${room} gets effects passed in (base/ports.ts)` })),
      ...(PORTABLE.includes(room) ? [{ name: "crypto", message: "portable rooms hash with base/hash.ts" }] : []),
    ];
    rules["no-restricted-properties"] = [
      "error",
      { object: "Date", property: "now", message: "the clock is a port" },
      { object: "Math", property: "random", message: "randomness is forked from Run.rng" },
    ];
  }
  return { files: [`src/${room}/**/*.ts`], rules };
}

const configuration = {
  $schema: "./node_modules/oxlint/configuration_schema.json",
  plugins: ["typescript", "import", "unicorn", "oxc"],
  categories: { correctness: "error", suspicious: "error" },
  rules: {
    "import/no-cycle": "error",
    "no-shadow": "off",
    "no-underscore-dangle": "off",
    "no-await-in-loop": "off",
    "unicorn/consistent-function-scoping": "off",
    "unicorn/no-array-sort": "off",
    "unicorn/no-array-reverse": "off",
    "unicorn/require-module-specifiers": "off",
    "import/no-unassigned-import": "off",
    "import/no-named-as-default-member": "off",
    "no-loss-of-precision": "off",
    "no-control-regex": "off",
  },
  ignorePatterns: ["**/*.gen.ts", "examples/**", "node_modules/**", ".vauban/**"],
  overrides: [
    ...ROOMS.map(overrideFor),
    {
      files: ["**/*.test.ts", "test/**", "scripts/**", "bench/**"],
      rules: {
        "no-restricted-imports": "off",
        "no-restricted-globals": "off",
        "no-restricted-properties": "off",
        "no-console": "off",
      },
    },
  ],
};

const text = `${JSON.stringify(configuration, null, 2)}\n`;
const place = new URL("../.oxlintrc.json", import.meta.url);
if (process.argv.includes("--check")) {
  let committed = "";
  try {
    committed = readFileSync(place, "utf8");
  } catch {
    // Absent is stale.
  }
  if (committed !== text) {
    console.error(".oxlintrc.json is not what scripts/floors.ts gives\n  remedy: npm run generate");
    process.exit(1);
  }
} else writeFileSync(place, text);
