/** The layers: dependencies point one way, types included. Cycles are Biome's business (noImportCycles). */
const only = (name, from, allowed) => ({
  name,
  comment: `${from} may import ${allowed.join(', ')} and nothing else of ours`,
  severity: 'error',
  from: { path: `^src/${from}/` },
  to: { path: '^src/', pathNot: allowed.map((layer) => `^src/${layer}/`) },
});

module.exports = {
  forbidden: [
    {
      name: 'core-is-pure',
      comment:
        'no driver, no clock, no logger: hashing, and the three-way merge in diff3.ts, are all that core may take from outside',
      severity: 'error',
      from: { path: '^src/core/', pathNot: '^src/core/diff3.ts$' },
      to: { pathNot: ['^src/core/', '^(node:)?crypto$'] },
    },
    {
      name: 'core-merges-by-a-pure-library',
      comment: 'node-diff3 is arithmetic on arrays: no state, no I/O, nothing of its own that it imports',
      severity: 'error',
      from: { path: '^src/core/diff3.ts$' },
      to: { pathNot: ['^src/core/', 'node_modules/node-diff3/'] },
    },
    // The rows of the service's tables are typed by Prisma's generated types; no code comes from there.
    only('ports', 'ports', ['ports', 'core', 'generated']),
    only('services', 'services', ['services', 'core', 'ports']),
    {
      name: 'services-take-no-driver',
      severity: 'error',
      from: { path: '^src/services/' },
      to: { path: 'node_modules/(pg|pg-boss|ioredis|neo4j-driver|@prisma|@electric-sql|graphql)/' },
    },
    only('adapters', 'adapters', ['adapters', 'ports', 'core', 'generated']),
    only('api', 'api', ['api', 'services', 'core', 'ports', 'generated']),
    only('cli', 'cli', ['cli', 'core']),
    { name: 'nobody-imports-main', severity: 'error', from: { path: '^src/(?!main/)' }, to: { path: '^src/main/' } },
    { name: 'sources-import-no-tests', severity: 'error', from: { path: '^src/' }, to: { path: '^(test|bench)/' } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'only-declared-packages',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^src/generated'] },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
