/** The system file's JSON Schema (draft 2020-12), from the same source as the reader: an editor completes and checks every key offline. */
import { z } from "zod";
import { systemFile } from "./schema.ts";

/** What `vauban schema system` prints and `vauban init` puts beside the file as `.vauban/schema.json`. Fresh on each call. */
export function systemFileSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(systemFile, { target: "draft-2020-12", io: "input" });
  return {
    $schema,
    $id: "urn:vauban:system-file:1",
    title: "vauban system file, version 1",
    ...schema,
  };
}
