/** Names of `Deno` that this Deno has without an unstable flag. */
const STABLE: ReadonlySet<string> = new Set(Object.keys(Deno));

/** Calls of `Deno` that end the process when they are given `reusePort` without an unstable flag. */
const LISTENERS = new Set(["listen", "listenTls"]);

/** Walks the syntax tree, so that comments and strings may say what code may not do. */
const plugin: Deno.lint.Plugin = {
  name: "platform",
  rules: {
    use: {
      create(context) {
        function report(node: Deno.lint.Node, message: string): void {
          context.report({ node, message });
        }
        return {
          Identifier(node) {
            const { parent } = node;
            if (node.name === "console") {
              const isObject = parent.type === "MemberExpression" &&
                parent.object === node;
              if (isObject) report(node, "writes to the console");
            }
            if (node.name !== "Deno" || parent.type === "TSQualifiedName") {
              return;
            }
            if (
              parent.type !== "MemberExpression" || parent.object !== node ||
              parent.property.type !== "Identifier" || parent.computed
            ) {
              return report(node, "uses Deno other than as Deno.name");
            }
            const { name } = parent.property;
            if (name === "internal") {
              return report(node, "uses Deno's internals");
            }
            // `typeof Deno.x` is how a feature is detected.
            const probed = parent.parent.type === "UnaryExpression" &&
              parent.parent.operator === "typeof";
            if (!STABLE.has(name) && !probed) {
              report(node, `uses Deno.${name}, which is not stable`);
            }
          },
          MemberExpression(node) {
            if (
              node.property.type === "Identifier" &&
              /^(_linkedB|b)inding$/.test(node.property.name) &&
              node.object.type === "Identifier" &&
              node.object.name === "process"
            ) {
              report(node, "uses process.binding");
            }
          },
          CallExpression(node) {
            const { callee } = node;
            if (
              callee.type !== "MemberExpression" ||
              callee.object.type !== "Identifier" ||
              callee.object.name !== "Deno" ||
              callee.property.type !== "Identifier" ||
              !LISTENERS.has(callee.property.name)
            ) return;
            const [options] = node.arguments;
            if (options?.type !== "ObjectExpression") return;
            for (const property of options.properties) {
              if (
                property.type === "Property" &&
                property.key.type === "Identifier" &&
                property.key.name === "reusePort"
              ) report(property, "uses reusePort, which is not stable");
            }
          },
        };
      },
    },
  },
};

/** What `source` does with the platform that the library must not: a sentence each. */
export function platformMisuse(path: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, path, source).map(
    ({ message, range }) => {
      const line = source.slice(0, range[0]).split("\n").length;
      return `${path}:${line} ${message}`;
    },
  );
}
