package main

import "github.com/spf13/cobra"

// jsonTopic is a page of help, of no command: what --json prints.
func jsonTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "json",
		Short: "What --json prints, and the exit codes",
		Long: `With --json a command prints one JSON object to stdout, and nothing else there.
Errors and hints go to stderr as they do without it, and the exit code is the same. A
key that is here stays; later versions may add others.

Exit codes
  0    done, or in order
  1    it failed; the error says what was written, mostly nothing
  2    wrong usage, or a refused answer; nothing was written
  3    something is left to you: lines or files of yours that a change leaves (add,
       remove, rename), conflicts or code to change (update), files behind (status),
       something to do (doctor)
  130  interrupted

forge new
  name, module, source, topics, group, brokers, with, schemas    the answers
  target   the directory, absolute
  written  whether it was written
  git      what was made for git, if anything
  files    of each: path, owner (user, managed), mode, sha256
  next     shell commands to go on with

forge add, remove, rename, undo
  command  what was asked for, as in "add handler payments"
  project  its directory, absolute
  undone   of undo: the command that was taken back
  module, source, topics, with    the answers afterwards
  written  whether anything was
  there    what was so already, each a sentence
  notes    what is to be known beside, each a sentence
  files    of each: path, from (of rename: the path that it had), change (write, replace,
           edit, delete, keep), reason, stays (it was to go), and lines that are left to
           you: op (+ to put in, - to take out, = to look at) and text
  left     how many files have such lines, or stay

forge update
  command, project
  from, to, recorded    versions: the recorded one before, the one updated to, and the
           recorded one afterwards, which is to unless conflicts are left
  written  whether anything was
  tested   whether the result was built and tested before
  files    as of forge add: path, from, change, reason, stays, lines (op and text)
  conflicts  of each: path, line and end of the markers, reason
  notes    what of yours has to follow, code or settings: path, line, symbol, change

forge status
  project
  forge    the version that made it
  this     the version of this forge
  inStep   whether an update would change nothing
  counts   files by state, and how many are behind
  files    of each: path, owner (not of foreign ones), state (pristine, edited, deleted,
           foreign, new), behind, and what the next update does (update: nothing, write,
           replace, merge, delete, conflict)

forge adopt
  command, project
  forge    the closest release
  sure     how much of what it manages is there, in percent
  answers  name, module, source, topics, group, brokers, with
  guessed  those of them that no setting says
  untaken  topics that are registered and have no files that forge would have written
  counts   managed files by state: same, edited, missing
  files    those that are not the same: path, state, like (how much is the same, in percent)
  asClose  other releases that are as close
  others   other releases, and how sure they would be
  written  whether the record was

forge doctor
  project
  ok       whether nothing is to be done
  checks   of each: name (go, module, record, conflict, settings, broker, topic, port), ok, text,
           and todo where something is to be done

forge version
  version, commit, time (of the commit), modified, go, platform`,
	}
}
