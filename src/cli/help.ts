import { configHelp } from '../config.ts';

const USAGE = `sandbank: one GraphQL API over many code-sandbox providers

  sandbank [serve]    start the server
  sandbank doctor     say what of isolation, network and limits this host supports, and how to get the rest
  sandbank token      print a token   [--role admin] [--tenant dev] [--subject dev] [--ttl 86400 (seconds)]
  sandbank --help     this text

Configuration, by environment:

`;

export const help = (): number => {
  process.stdout.write(USAGE + configHelp());
  return 0;
};
