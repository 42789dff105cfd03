<?php
// Magento's rules for keys, hashes, tokens and encrypted values, written with PHP's own functions only, as a second
// opinion. One question comes as JSON on standard input, one answer goes out as JSON. The numbers in the comments are
// sections of docs/fact-sheet.md.

declare(strict_types=1);

const PADDED = 2048;
const HASHES = ['HS256' => 'sha256', 'HS384' => 'sha384', 'HS512' => 'sha512'];

function entries(string $key): array
{
    return preg_split('/\s+/', trim($key));
}

// 7.4, 7.7: decoded where it begins with `base64`.
function bytes_of(string $entry): string
{
    return str_starts_with($entry, 'base64') ? base64_decode(substr($entry, 6)) : $entry;
}

// 6.4: not decoded, and padded on both sides.
function signing_key(string $key): string
{
    $entries = entries($key);
    return str_pad(end($entries), PADDED, '&', STR_PAD_BOTH);
}

function base64url(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

function from_base64url(string $text): string|false
{
    return base64_decode(strtr($text, '-_', '+/'), true);
}

// 7.1 to 7.3.
function step(string $password, string $salt, string $version): ?string
{
    if (preg_match('/^3_(\d+)_(\d+)_(\d+)$/', $version, $of)) {
        return argon2($password, $salt, (int)$of[1], (int)$of[2], (int)$of[3]);
    }
    return match ((int)$version) {
        0 => md5($salt . $password),
        1 => hash('sha256', $salt . $password),
        2 => argon2(
            $password,
            $salt,
            SODIUM_CRYPTO_SIGN_SEEDBYTES,
            SODIUM_CRYPTO_PWHASH_OPSLIMIT_INTERACTIVE,
            SODIUM_CRYPTO_PWHASH_MEMLIMIT_INTERACTIVE
        ),
        default => null,
    };
}

function argon2(string $password, string $salt, int $length, int $operations, int $memory): string
{
    $salt = substr(str_pad($salt, SODIUM_CRYPTO_PWHASH_SALTBYTES, $salt), 0, SODIUM_CRYPTO_PWHASH_SALTBYTES);
    $hash = sodium_crypto_pwhash($length, $password, $salt, $operations, $memory, SODIUM_CRYPTO_PWHASH_ALG_ARGON2ID13);
    return bin2hex($hash);
}

function chain(string $password, string $salt, array $versions): ?string
{
    foreach ($versions as $version) {
        $password = step($password, $salt, $version);
        if ($password === null) {
            return null;
        }
    }
    return $password;
}

// 7.4.
function matches(string $stored, string $password, string $key): bool
{
    $parts = explode(':', $stored, 3);
    $entries = entries($key);
    $made = count($parts) === 3 ? chain($password, $parts[1], explode(':', $parts[2])) : null;
    $expected = count($parts) === 3 ? $parts[0] : $stored;
    return hash_equals($expected, $made ?? hash_hmac('sha256', $password, bytes_of(end($entries))));
}

// 6.1.
function issue(array $claims, string $key, string $algorithm): string
{
    $header = json_encode(['kid' => '1', 'alg' => $algorithm]);
    $signed = base64url($header) . '.' . base64url(json_encode($claims));
    return $signed . '.' . base64url(hash_hmac(HASHES[$algorithm], $signed, signing_key($key), true));
}

// 6.6, up to the claims; time and revocation are for whoever asks.
function read(string $token, string $key, string $algorithm): ?array
{
    $parts = explode('.', $token);
    if (count($parts) !== 3) {
        return null;
    }
    $header = json_decode((string)from_base64url($parts[0]), true);
    if (($header['alg'] ?? null) !== $algorithm || isset($header['cty'])) {
        return null;
    }
    $signature = hash_hmac(HASHES[$algorithm], $parts[0] . '.' . $parts[1], signing_key($key), true);
    if (!hash_equals($signature, (string)from_base64url($parts[2]))) {
        return null;
    }
    $claims = json_decode((string)from_base64url($parts[1]), true);
    foreach (['uid', 'utypid', 'iat', 'exp'] as $claim) {
        if (empty($claims[$claim])) {
            return null;
        }
    }
    return ['header' => $header, 'claims' => $claims];
}

// 7.7.
function decrypt(string $stored, string $key): ?string
{
    [$place, $cipher, $payload] = explode(':', $stored, 3);
    $payload = base64_decode($payload);
    $length = SODIUM_CRYPTO_AEAD_CHACHA20POLY1305_IETF_NPUBBYTES;
    $nonce = substr($payload, 0, $length);
    $key = bytes_of(entries($key)[(int)$place]);
    $text = sodium_crypto_aead_chacha20poly1305_ietf_decrypt(substr($payload, $length), $nonce, $nonce, $key);
    return $cipher === '3' && $text !== false ? trim($text) : null;
}

function encrypt(string $text, string $key): string
{
    $entries = entries($key);
    $nonce = random_bytes(SODIUM_CRYPTO_AEAD_CHACHA20POLY1305_IETF_NPUBBYTES);
    $sealed = sodium_crypto_aead_chacha20poly1305_ietf_encrypt($text, $nonce, $nonce, bytes_of(end($entries)));
    return (count($entries) - 1) . ':3:' . base64_encode($nonce . $sealed);
}

$ask = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
echo json_encode(match ($ask['do']) {
    'matches' => matches($ask['stored'], $ask['password'], $ask['key']),
    'hash' => chain($ask['password'], $ask['salt'], explode(':', $ask['versions'])),
    'keyed' => hash_hmac('sha256', $ask['password'], bytes_of(entries($ask['key'])[count(entries($ask['key'])) - 1])),
    'issue' => issue($ask['claims'], $ask['key'], $ask['algorithm']),
    'read' => read($ask['token'], $ask['key'], $ask['algorithm']),
    'decrypt' => decrypt($ask['stored'], $ask['key']),
    'encrypt' => encrypt($ask['text'], $ask['key']),
}, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES);
