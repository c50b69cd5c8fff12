//! Takes gzip and Zstandard off a stream, recognised by content. Members of gzip and frames of
//! Zstandard may follow each other, and one kind may be wrapped in the other. Must not know of
//! capture formats.

use flate2::{Decompress, FlushDecompress, Status};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};

type Bytes = Box<dyn Read + Send>;

/// Bytes of compressed data read at a time.
const CHUNK: usize = 64 * 1024;

/// The base-2 logarithm of the largest window that gzip has.
const LARGEST_WINDOW: u8 = 15;

/// Compressed, and wrapped once more; anything deeper is not read.
const DEEPEST: usize = 2;

/// Takes compression off.
///
/// # Errors
/// The reader's, or that what looks compressed cannot be decompressed.
pub(super) fn decode(mut reader: Bytes) -> io::Result<Bytes> {
    for _ in 0..DEEPEST {
        let mut head = Vec::with_capacity(4);
        reader.by_ref().take(4).read_to_end(&mut head)?;
        let kind = Kind::of(&head);
        let whole = Cursor::new(head).chain(reader);
        match kind {
            None => return Ok(Box::new(whole)),
            Some(Kind::Gzip) => {
                reader = Box::new(Gzip::new(BufReader::with_capacity(CHUNK, whole)));
            }
            Some(Kind::Zstandard) => {
                reader = Box::new(Zstandard::new(BufReader::with_capacity(CHUNK, whole)));
            }
        }
    }
    Ok(reader)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Gzip,
    Zstandard,
}

impl Kind {
    fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            // A frame, or a skippable frame (RFC 8878 section 3.1.2), which pzstd puts first.
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Some(Self::Zstandard),
            _ => None,
        }
    }
}

/// Where in a row of members or frames a decompressor is.
#[derive(Debug)]
enum Place {
    Between,
    Within,
    /// At the end, for this reason if it is not the proper one. What could be decompressed
    /// before is handed out before the reason.
    Done(Option<io::Error>),
}

impl Place {
    fn corrupt(name: &str, why: impl std::fmt::Display) -> Self {
        Self::Done(Some(io::Error::new(ErrorKind::InvalidData, format!("{name} data: {why}"))))
    }
}

/// Members of gzip one after the other.
struct Gzip<R> {
    inflate: Decompress,
    input: R,
    place: Place,
}

impl<R: BufRead> Gzip<R> {
    fn new(input: R) -> Self {
        Self { inflate: Decompress::new_gzip(LARGEST_WINDOW), input, place: Place::Between }
    }

    /// Begins the next member, if there is one.
    fn begin(&mut self) -> io::Result<()> {
        self.place = match self.input.fill_buf()?.first() {
            None => Place::Done(None),
            // Tapes and block devices leave zeros behind the data, which gzip passes over too.
            Some(0) => {
                self.input.consume(1);
                Place::Between
            }
            Some(0x1f) => {
                self.inflate = Decompress::new_gzip(LARGEST_WINDOW);
                Place::Within
            }
            Some(_) => Place::corrupt("gzip", "something else behind it"),
        };
        Ok(())
    }

    /// Inflates a piece of the member into `buffer`, perhaps an empty one.
    fn inflate(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let input = self.input.fill_buf()?;
        let at_end = input.is_empty();
        let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
        let result = self.inflate.decompress(input, buffer, FlushDecompress::None);
        let consumed = length(self.inflate.total_in() - before_in);
        let produced = length(self.inflate.total_out() - before_out);
        self.input.consume(consumed);
        match result {
            Ok(Status::StreamEnd) => self.place = Place::Between,
            Ok(Status::Ok | Status::BufError) if at_end && produced == 0 => {
                self.place = Place::corrupt("gzip", "it ends before its end mark");
            }
            Ok(Status::Ok | Status::BufError) => {}
            Err(error) => {
                let why = error.message().unwrap_or("corrupt");
                self.place = Place::corrupt("gzip", why);
            }
        }
        Ok(produced)
    }
}

/// A difference of two totals as a length, which is at most that of a slice.
fn length(difference: u64) -> usize {
    usize::try_from(difference).unwrap_or(usize::MAX)
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match &mut self.place {
                Place::Done(why) => return why.take().map_or(Ok(0), Err),
                Place::Between => self.begin()?,
                Place::Within => match self.inflate(buffer)? {
                    0 => {}
                    produced => return Ok(produced),
                },
            }
        }
    }
}

/// Frames of Zstandard one after the other.
struct Zstandard<R> {
    decoder: FrameDecoder,
    input: R,
    place: Place,
}

impl<R: BufRead> Zstandard<R> {
    fn new(input: R) -> Self {
        Self { decoder: FrameDecoder::new(), input, place: Place::Between }
    }

    /// Begins the next frame, if there is one.
    fn begin(&mut self) -> io::Result<()> {
        if self.input.fill_buf()?.is_empty() {
            self.place = Place::Done(None);
            return Ok(());
        }
        self.place = match self.decoder.reset(&mut self.input) {
            Ok(()) => Place::Within,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let length = u64::from(length);
                let skipped = io::copy(&mut self.input.by_ref().take(length), &mut io::sink())?;
                if skipped < length {
                    Place::corrupt("Zstandard", "it ends within a skippable frame")
                } else {
                    Place::Between
                }
            }
            Err(error) => Place::corrupt("Zstandard", error),
        };
        Ok(())
    }

    /// Decodes a block.
    fn decode(&mut self) {
        let one = || BlockDecodingStrategy::UptoBlocks(1);
        let Err(error) = self.decoder.decode_blocks(&mut self.input, one()) else { return };
        self.place = Place::corrupt("Zstandard", error);
        // The decoder withholds a window of what it has decoded until the frame is finished, which
        // it never will be. An empty last block with a checksum finishes it. If the decoder
        // refuses that as well, what it withholds is lost.
        let _ = self.decoder.decode_blocks(&[1, 0, 0, 0, 0, 0, 0][..], one());
    }

    /// Ends a frame that has been read to its end.
    fn end(&mut self) {
        let expected = self.decoder.get_checksum_from_data();
        self.place = if expected.is_some() && expected != self.decoder.get_calculated_checksum() {
            Place::corrupt("Zstandard", "the checksum does not match")
        } else {
            Place::Between
        };
    }
}

impl<R: BufRead> Read for Zstandard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            match &mut self.place {
                Place::Done(why) => return why.take().map_or(Ok(0), Err),
                Place::Between => self.begin()?,
                Place::Within if self.decoder.is_finished() => self.end(),
                Place::Within => self.decode(),
            }
        }
    }
}
