/** The bill of materials that an assessment's run carries beside it. */
import { z } from "zod";
import type { DeepReadonly } from "#base/readonly.ts";
import { hexDigest } from "./scalars.ts";

export const billOfMaterials = z.discriminatedUnion("status", [
  z.strictObject({
    status: z.literal("made"),
    /** In the folder of the run. */
    file: z.string(),
    /** Such as "CycloneDX 1.6". */
    specification: z.string(),
    /** Of the file, byte by byte. */
    sha256: hexDigest,
    serialNumber: z.string(),
    models: z.int(),
    datasets: z.int(),
    libraries: z.int(),
    services: z.int(),
    others: z.int(),
    /** What it does not know of what it lists, and should. */
    gaps: z.int(),
  }),
  z.strictObject({ status: z.literal("not made"), because: z.string() }),
]);
export type BillOfMaterials = DeepReadonly<z.infer<typeof billOfMaterials>>;
