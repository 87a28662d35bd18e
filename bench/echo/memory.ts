// deno-lint-ignore-file no-console

/** On SIGUSR2, collects garbage and prints `memory BYTES`: heap and external memory together. */
export function reportMemory(): void {
  Deno.addSignalListener("SIGUSR2", () => {
    (globalThis as { gc?: () => void }).gc?.();
    const { heapUsed, external } = Deno.memoryUsage();
    console.log(`memory ${heapUsed + external}`);
  });
}
