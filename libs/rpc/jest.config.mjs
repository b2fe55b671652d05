import preset from '../../jest.preset.mjs';

/** What libs/rpc promises holds on every lane: the same tests run on each. Those that are about one alone run once. */
const once = ['callers', 'frames', 'lane', 'outbox', 'streams', 'tls'];
const ofOneLane = `src/(${once.join('|')})\\.test\\.ts$`;

// A time limit is for all projects together.
const { testTimeout, ...ofProject } = preset;

export default {
  testTimeout,
  projects: [
    { ...ofProject, displayName: 'plain', globals: { lane: 'plain' }, testPathIgnorePatterns: ['/node_modules/', '/dist/', ofOneLane] },
    { ...ofProject, displayName: 'fast', globals: { lane: 'fast' } },
  ],
};
