//! The register of replays (RFC 9846 section 8.2), in a store that machines share: one
//! script, so that nothing comes between what it looks at and what it does.
//!
//! ```text
//!   PREFIX:birth          who  born  life      who: the store's run_id and master_replid
//!   PREFIX:replay:KEY     1    for `life`      times in milliseconds, by the store's clock
//!   PREFIX:session:ID     taken: deleted, by whoever is the first
//! ```
//!
//! "First" is said only by a register that knows of all that was said to be the first and
//! could still be replayed: one that is older than an entry's life. Its birth mark lies
//! where the entries lie, and goes when they go. What else can lose entries begins another
//! life:
//!
//! - A store that was started again has another `run_id`, also where it restored an old
//!   snapshot, whose birth mark is as old as it ever was, but which lacks the latest entries.
//! - A replica that became the master has its own `run_id`, and each that becomes the master
//!   has another `master_replid`: also one that was it before, and takes the data of another
//!   in between. What the former master did not pass on in time is so never missed.
//! - Where the store's clock jumps ahead, entries expire before their time. It is held
//!   against that of the machine that asks; where they are apart, the mark goes.
//! - Machines with unlike windows: whoever asks for a longer life begins another one, for
//!   the entries that there are do not live for so long.
//!
//! A store that evicts can lose any entry at any time: its policy is looked at each time.

use super::notice::Register as State;
use super::store::{Order, Said};
use crate::limits;
use crate::question::Answer;
use std::time::Duration;

/// KEYS: the birth mark, what is asked about. ARGV: what is asked, the life of an entry, the
/// asker's time, how far it may be from the store's.
const SCRIPT: &str = r"
local function info(section, name)
  return string.match(redis.call('INFO', section), name .. ':([^\r\n]*)') or ''
end
local policy = info('memory', 'maxmemory_policy')
if policy ~= 'noeviction' then return {'evicts', policy} end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ahead = now - tonumber(ARGV[3])
if math.abs(ahead) > tonumber(ARGV[4]) then
  redis.call('DEL', KEYS[1])
  return {'apart', string.format('%.0f', ahead)}
end

local self = info('server', 'run_id') .. info('replication', 'master_replid')
local who, born, life = string.match(redis.call('GET', KEYS[1]) or '', '^(%x+) (%d+) (%d+)$')
born, life = tonumber(born), tonumber(life)
local least = tonumber(ARGV[2])
if who ~= self or born > now or life < least then
  born, life = now, math.max(least, life or 0)
  redis.call('SET', KEYS[1], string.format('%s %.0f %.0f', self, born, life))
end
local left = born + life - now
if left >= 0 then return {'young', string.format('%.0f', left + 1)} end

if ARGV[1] == 'register' then
  local set = redis.call('SET', KEYS[2], '1', 'NX', 'PX', string.format('%.0f', life))
  return {set and 'first' or 'replayed'}
elseif ARGV[1] == 'take' then
  return {redis.call('DEL', KEYS[2]) == 1 and 'first' or 'replayed'}
end
return {'ready'}
";

/// What is asked of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Look,
    Register,
    Take,
}

/// The words of one asking.
pub(super) struct Words {
    keys: [String; 2],
    arguments: [String; 4],
}

impl Words {
    pub(super) fn order<'a>(&'a self, hash: &'a str) -> Order<'a> {
        Order::Script { hash, keys: &self.keys, arguments: &self.arguments }
    }
}

/// What a fleet has settled about it.
pub(super) struct Register {
    pub(super) birth: String,
    /// For how long an entry lives that says nothing else.
    pub(super) life: Duration,
    /// What is added where it does.
    pub(super) longer: Duration,
    /// How far this machine's clock may be from the store's.
    pub(super) apart: Duration,
}

impl Register {
    pub(super) const LOAD: Order<'static> = Order::Load(SCRIPT);

    /// `None` where an entry would have to live longer than any session does.
    pub(super) fn words(
        &self,
        ask: Ask,
        entry: String,
        lives: Option<Duration>,
        now: Duration,
    ) -> Option<Words> {
        let life = lives.map_or(self.life, |lives| self.life.max(lives.saturating_add(self.longer)));
        if life > Duration::from_secs(limits::TICKET_SECONDS.into()) {
            return None;
        }
        let ask = match ask {
            Ask::Look => "look",
            Ask::Register => "register",
            Ask::Take => "take",
        };
        let milliseconds = |time: Duration| time.as_millis().to_string();
        Some(Words {
            keys: [self.birth.clone(), entry],
            arguments: [ask.to_owned(), milliseconds(life), milliseconds(now), milliseconds(self.apart)],
        })
    }
}

/// What came of it: an answer, and what to tell of the register.
pub(super) fn verdict(said: &Said) -> (Answer, State) {
    let broken = |why: String| (Answer::Unsure, State::Broken { why });
    let words: Vec<&str> = match said {
        Said::List(words) => words.iter().map(String::as_str).collect(),
        Said::No(why) => return broken(why.clone()),
        Said::Bytes(_) | Said::Else => return broken("it does not know the script".to_owned()),
    };
    match (words.as_slice(), words.get(1).and_then(|number| number.parse::<i64>().ok())) {
        (["first"], _) => (Answer::First, State::Ready),
        (["replayed"], _) => (Answer::Replayed, State::Ready),
        (["ready"], _) => (Answer::Unsure, State::Ready),
        (["evicts", policy], _) => (Answer::Unsure, State::Evicts { policy: (*policy).to_owned() }),
        (["young", _], Some(left)) => {
            (Answer::Unsure, State::Young { left: Duration::from_millis(left.unsigned_abs()) })
        }
        (["apart", _], Some(milliseconds)) => (Answer::Unsure, State::Apart { milliseconds }),
        _ => broken("it does not know the script".to_owned()),
    }
}
