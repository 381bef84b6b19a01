/** Ends a test run with one plain line of counts, and says which tests were skipped and why, and which files were slowest. */
import type { Reporter, TestCase, TestModule } from "vitest/node";

export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const reasons = new Map<string, number>();
    const slow: { name: string; ms: number }[] = [];
    for (const module of modules) {
      slow.push({ name: module.relativeModuleId, ms: module.diagnostic().duration });
      const cases: TestCase[] = [...module.children.allTests()];
      // A file that could not even be loaded holds no cases and is a failure all the same.
      if (module.state() === "failed" && !cases.some((test) => test.result().state === "failed")) counts.failed++;
      for (const test of cases) {
        const result = test.result();
        if (result.state === "passed") counts.passed++;
        else if (result.state === "failed") counts.failed++;
        else {
          counts.skipped++;
          const why = (result.state === "skipped" && result.note) || "skipped without a reason";
          reasons.set(why, (reasons.get(why) ?? 0) + 1);
        }
      }
    }
    const write = (line: string): void => void process.stdout.write(`${line}\n`);
    write("");
    for (const { name, ms } of slow.toSorted((a, b) => b.ms - a.ms).slice(0, 10))
      write(`  ${String(Math.round(ms)).padStart(6)} ms  ${name}`);
    for (const [why, n] of reasons) write(`  ${n} skipped: ${why}`);
    write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  }
}
