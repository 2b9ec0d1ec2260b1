//! Scores what comes in, and writes it.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use fluent_anomaly::sources::series_file::{self, Form};
use fluent_anomaly::{Format, Pipeline, Time, Unconfigured};

use super::envelope::Envelope;
use super::figures::Figures;
use super::file::{self, FileRecords};
use super::log::Log;
use super::{Args, config_of, open};
use crate::failure::Failure;
use crate::record_reader::{NextRecord, RecordReader};
use crate::stdin::{Input, InputEvent};
use crate::utc;

/// Scores records, or says in each why it is not scored.
pub(super) enum Scorer {
    Pipeline(Box<Pipeline>),
    Passing {
        records: Box<Unconfigured>,
        /// When the file was read last.
        tried: Instant,
    },
}

/// How often a file that is wrong is read again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

impl Scorer {
    pub(super) fn passing(failure: &Failure, format: Format, log: &mut Log) -> Self {
        let mut message = failure.text().to_owned();
        if message.starts_with("state: ") {
            message += "; one child is wanted: `num_children 1` in Fluentd's exec_filter";
        }
        log.say(&format!("records pass unscored: {message}"));
        Self::Passing { records: Box::new(Unconfigured::new(&message, format)), tried: Instant::now() }
    }

    pub(super) fn process(&mut self, tag: &[u8], time: Time, record: &mut Vec<u8>) {
        match self {
            Self::Pipeline(pipeline) => {
                pipeline.process(tag, time, record);
            }
            Self::Passing { records, .. } => records.process(record),
        }
    }
}

pub(super) struct Worker<'a> {
    args: &'a Args,
    log: &'a mut Log,
    scorer: Scorer,
    envelope: Envelope,
    frames: RecordReader,
    record: Vec<u8>,
    output: Vec<u8>,
    /// The first bytes of standard input.
    begin: Vec<u8>,
    figures: Figures,
    /// Whether the first lines are still to be searched for a time that does not count.
    seeks_time: bool,
}

/// Bytes after which scored records are written.
const PIECE: usize = 256 << 10;
/// First bytes of standard input that are kept.
const BEGIN: usize = 4096;

impl<'a> Worker<'a> {
    /// `reads_time`: each section reads the time out of the records.
    pub(super) fn new(
        args: &'a Args,
        log: &'a mut Log,
        scorer: Scorer,
        envelope: Envelope,
        figures: Figures,
        reads_time: bool,
    ) -> Self {
        let format = args.format();
        Self {
            args,
            log,
            scorer,
            envelope,
            frames: RecordReader::new(format),
            record: Vec::new(),
            output: Vec::new(),
            begin: Vec::new(),
            figures,
            seeks_time: !reads_time
                && args.time_key.is_none()
                && args.tag_key.is_none()
                && format == Format::Json,
        }
    }

    /// Scores standard input until it ends.
    pub(super) fn score_input(&mut self, input: &Input) -> Result<(), Failure> {
        loop {
            match input.next() {
                InputEvent::Bytes(bytes) => {
                    let room = BEGIN.saturating_sub(self.begin.len()).min(bytes.len());
                    self.begin.extend_from_slice(bytes.get(..room).unwrap_or_default());
                    if self.seeks_time && self.begin.contains(&b'\n') {
                        self.seeks_time = false;
                        self.tell_unused_time();
                    }
                    self.frames.push(&bytes);
                }
                InputEvent::Failed(error) => return Err(Failure::of("standard input", error)),
                InputEvent::End => {
                    self.frames.finish();
                    self.answer()?;
                    return Ok(());
                }
            }
            self.answer()?;
        }
    }

    /// Scores all records that are complete, and writes them before more input is waited for.
    fn answer(&mut self) -> Result<(), Failure> {
        self.look_again();
        loop {
            match self.frames.next(&mut self.record) {
                NextRecord::Record => {
                    self.envelope.process(&mut self.scorer, &mut self.record);
                    self.output.extend_from_slice(&self.record);
                    self.frames.end_of_record(&mut self.output);
                    self.add_windows();
                }
                NextRecord::Through(why) => {
                    if let Some(why) = why {
                        self.log.say(&why);
                    }
                    self.output.extend_from_slice(&self.record);
                }
                NextRecord::More => break,
            }
            if self.output.len() >= PIECE {
                self.write()?;
            }
        }
        self.write()?;
        self.settle();
        Ok(())
    }

    /// Closed windows become records of their own, behind the one that closed them.
    fn add_windows(&mut self) {
        let Scorer::Pipeline(pipeline) = &mut self.scorer else { return };
        while let Some(window) = pipeline.take_window_record() {
            self.record.clone_from(&window.record);
            self.envelope.address(&window, &mut self.record);
            self.output.extend_from_slice(&self.record);
            match self.args.path() {
                Some(_) => self.output.push(b'\n'), // rows of a file come out as lines
                None => self.frames.end_of_record(&mut self.output),
            }
        }
    }

    /// A file that was wrong may have been mended.
    fn look_again(&mut self) {
        let Scorer::Passing { tried, .. } = &mut self.scorer else { return };
        if tried.elapsed() < TRY_AGAIN {
            return;
        }
        *tried = Instant::now();
        if let Ok(opened) = config_of(self.args).and_then(|config| open(self.args, &config)) {
            self.log.say("the configuration can be used: records are scored");
            self.figures.write_into(opened.state);
            self.scorer = Scorer::Pipeline(Box::new(opened.pipeline));
        }
    }

    /// Scores the records of a file.
    pub(super) fn score_file(&mut self, file: FileRecords) -> Result<(), Failure> {
        for note in &file.notes {
            self.log.say(note);
        }
        if let Scorer::Pipeline(pipeline) = &mut self.scorer {
            pipeline.tell_unscored_at_end();
        }
        for (time, mut record) in file.records {
            self.envelope.process_at(time, &mut self.scorer, &mut record);
            self.output.append(&mut record);
            self.output.push(b'\n');
            self.add_windows();
            if self.output.len() >= PIECE {
                self.write()?;
            }
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        let outcome = stdout.write_all(&self.output).and_then(|()| stdout.flush());
        self.output.clear();
        outcome.map_err(|error| match error.kind() {
            // its reader knows, but records are lost
            io::ErrorKind::BrokenPipe => Failure::Said,
            _ => Failure::of("output", error),
        })
    }

    /// Says that records have a time of long ago, and that it does not count.
    fn tell_unused_time(&mut self) {
        let Some(lines) = self.begin.iter().rposition(|&byte| byte == b'\n') else { return };
        let Some((name, time)) = self.begin.get(..lines).and_then(file::usual_time) else { return };
        if time.seconds().abs_diff(utc::now()) > 3600 {
            self.log.say(&format!(
                "records count with the time of their arrival, not with their `{name}`, {}: --time {name} takes that",
                utc::text(time.seconds())
            ));
        }
    }

    /// What is left to do when no more records come.
    pub(super) fn finish(&mut self) {
        self.figures.end();
        self.settle();
        self.tell_unscored();
    }

    /// Says which records were not scored, and why.
    fn tell_unscored(&mut self) {
        let Scorer::Pipeline(pipeline) = &mut self.scorer else { return };
        pipeline.tell_unscored();
        for line in pipeline.take_log() {
            self.log.say(&line);
        }
        let counters = pipeline.counters();
        let is_json = self.args.format() == Format::Json;
        if is_json && counters.records > 0 && counters.malformed == counters.records {
            let form = series_file::form(&self.begin);
            if let Some((what, advice)) = series_file::other_kind(&self.begin) {
                self.log.say(&format!("standard input is {what}: {advice}"));
            } else if form != Form::Json {
                self.log.say(&format!(
                    "standard input looks like {}, and JSON lines are wanted: `filter --input -` reads it as such",
                    form.name()
                ));
            }
        }
    }

    /// Writes the state, and says what there is to say.
    fn settle(&mut self) {
        let Scorer::Pipeline(pipeline) = &mut self.scorer else { return };
        pipeline.flush();
        if let Some(error) = self.figures.update(pipeline) {
            self.log.say(&error);
        }
        for line in pipeline.take_log() {
            self.log.say(&line);
        }
    }
}
