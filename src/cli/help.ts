import { configHelp } from '../config/read.ts';

const USAGE = `sandbank: one GraphQL API over many code-sandbox providers

  sandbank [serve]    start the server
  sandbank doctor     say what of isolation, network and limits this host supports, and how to get the rest
  sandbank token      print a token   [--role admin] [--tenant dev] [--subject dev] [--ttl 86400 (seconds)]
                                      [--plan free] [--scope "files:read sandbox:sbx_… read-only"]
  sandbank audit verify   say whether the audit log is whole, or which row is the first that is not   [--file export.ndjson]
  sandbank audit export   print the audit log, one JSON object a line   [--tenant dev]
  sandbank server list    print the servers of this database, and whether they are alive
  sandbank server confirm say that the original of this copied or restored server or database is gone for good
  sandbank orphans list   print sandboxes of this deployment that no row tells of
  sandbank orphans remove remove them   [--ref ref,ref… | --ref all]
  sandbank --help     this text

Configuration, by environment:

`;

export const help = (): number => {
  process.stdout.write(USAGE + configHelp());
  return 0;
};
