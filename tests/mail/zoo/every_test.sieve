require ["body", "copy", "date", "duplicate", "editheader", "enotify", "envelope", "environment", "extlists", "fileinto",
         "foreverypart", "ihave", "imap4flags", "index", "mailbox", "mboxmetadata", "mime", "extracttext", "regex", "relational",
         "comparator-i;ascii-numeric", "servermetadata", "spamtest", "spamtestplus", "special-use", "subaddress", "variables", "virustest"];

# Every test of every extension asks this message; whatever they say, it is kept as it came.
set "sum" "";
if header :contains ["Subject", "From", "To", "X-None", "Received"] ["a", "Å", "*"] { set "sum" "${sum}a"; }
if header :matches "Subject" "*?*" { set "sum" "${sum}${1}"; }
if header :regex "Subject" "^(.*)[aeiou](.*)$" { set "sum" "${2}"; }
if header :is :comparator "i;octet" "Message-ID" "<x@y>" { set "sum" "b"; }
if header :count "ge" :comparator "i;ascii-numeric" "Received" "3" { set "sum" "c"; }
if header :value "gt" :comparator "i;ascii-numeric" "X-Priority" "2" { set "sum" "d"; }
if header :index 1 :last :contains "Received" "from" { set "sum" "e"; }
if address :all :contains ["From", "To", "Cc", "Bcc", "Sender", "Reply-To"] "a" { set "sum" "f"; }
if address :domain :is "From" "outside.example" { set "sum" "g"; }
if address :localpart :matches "From" "*" { set :lower "lower" "${1}"; }
if address :user :is "To" "ola" { set "sum" "h"; }
if address :detail :is "To" "x" { set "sum" "i"; }
if address :count "gt" :comparator "i;ascii-numeric" "To" "1" { set "sum" "j"; }
if envelope :all :contains "from" "zoo" { set "sum" "k"; }
if envelope :domain :is "to" "alumni.example" { set "sum" "l"; }
if exists ["From", "X-None"] { set "sum" "m"; }
if size :over 1K { set "sum" "n"; }
if body :text :contains ["words", "Blåbær"] { set "sum" "o"; }
if body :raw :contains "words" { set "sum" "p"; }
if body :content ["text", "message"] :contains "words" { set "sum" "q"; }
if body :content "multipart" :matches "*x*" { set "sum" "r"; }
if date :value "ge" "date" "date" "2026-01-01" { set "sum" "s"; }
if date :zone "+0100" :matches "date" "iso8601" "*" { set "iso" "${1}"; }
if date :originalzone :matches "received" "std11" "*" { set "std" "${1}"; }
if date :last :index 1 :is "received" "weekday" "2" { set "sum" "t"; }
if currentdate :value "ge" "year" "2026" { set "sum" "u"; }
if duplicate :uniqueid "${sum}${1}" { set "sum" "v"; }
if duplicate :header "Message-ID" { set "sum" "w"; }
if environment :matches "name" "*" { set "sum" "x"; }
if hasflag :contains "a" { set "sum" "y"; }
if mailboxexists "INBOX" { set "sum" "z"; }
if metadata :contains "INBOX" "/private/comment" "a" { set "sum" "A"; }
if servermetadata :contains "/shared/admin" "a" { set "sum" "B"; }
if spamtest :value "ge" :comparator "i;ascii-numeric" "5" { set "sum" "C"; }
if spamtest :percent :value "ge" :comparator "i;ascii-numeric" "50" { set "sum" "D"; }
if virustest :value "ge" :comparator "i;ascii-numeric" "3" { set "sum" "E"; }
if specialuse_exists "INBOX" "\\Archive" { set "sum" "F"; }
if string :matches "${sum}" "*" { set :quotewildcard :upperfirst "quoted" "${1}"; }
if string :regex "${sum}" "(a+)" { set :quoteregex "quoted" "${1}"; }
if valid_notify_method "mailto:x@y.example" { set "sum" "G"; }
if notify_method_capability "mailto:x@y.example" "online" "maybe" { set "sum" "H"; }
if header :mime :anychild :contains "Content-Type" "text" { set "sum" "I"; }
if header :mime :type :is "Content-Type" "text" { set "sum" "J"; }
if header :mime :subtype :contains "Content-Type" "plain" { set "sum" "K"; }
if header :mime :contenttype :contains "Content-Type" "text/html" { set "sum" "L"; }
if header :mime :anychild :param ["filename", "name"] :matches ["Content-Disposition", "Content-Type"] "*.pdf" { set "file" "${1}"; }
if exists :mime :anychild "Content-ID" { set "sum" "M"; }
if address :mime :anychild :all :contains "From" "a" { set "sum" "N"; }
foreverypart {
    if header :mime :subtype :is "Content-Type" "plain" { extracttext :first 100 "words"; break; }
}
if anyof (ihave "mime", not ihave "vnd.nobody", allof (true, false)) { set "sum" "O"; }
keep;
