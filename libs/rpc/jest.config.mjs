import preset from '../../jest.preset.mjs';

/** What libs/rpc promises holds on every lane: the same tests run on each. Those that are about one alone run there. */
const ofFastLane = 'src/(frames|lane|outbox|tls)\\.test\\.ts$';
// Streams go by plain gRPC beside a fast lane too.
const alsoByPlain = 'src/streams\\.test\\.ts$';
const usual = ['/node_modules/', '/dist/'];

// A time limit is for all projects together.
const { testTimeout, ...ofProject } = preset;

export default {
  testTimeout,
  projects: [
    { ...ofProject, displayName: 'plain', globals: { lane: 'plain' }, testPathIgnorePatterns: [...usual, ofFastLane] },
    { ...ofProject, displayName: 'fast', globals: { lane: 'fast' }, testPathIgnorePatterns: [...usual, alsoByPlain] },
    { ...ofProject, displayName: 'inside', globals: { lane: 'inside' }, testPathIgnorePatterns: [...usual, ofFastLane] },
  ],
};
