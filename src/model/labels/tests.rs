use super::*;

/// What the lists of these tests name, in the order of the outputs.
const NAMES: [&str; 4] = ["owl", "red fox", "tabby", "sea lion"];

fn wanted(outputs: usize) -> Wanted {
    Wanted { outputs, is_probability: true }
}

/// The names of a list for a network with so many outputs, or the sentence.
fn names(text: &str, outputs: usize) -> Result<Vec<String>, String> {
    let named = read(text.as_bytes(), wanted(outputs)).map_err(|error| error.to_string())?;
    Ok(named.labels.iter().map(|label| label.name.clone()).collect())
}

fn note(text: &str, outputs: usize) -> String {
    read(text.as_bytes(), wanted(outputs)).unwrap().notes.join(" | ")
}

#[test]
fn a_thousand_classes_with_wordnet_ids_in_order() {
    let labels = imagenet();
    assert_eq!(labels.len(), 1000);
    assert_eq!((labels[281].wordnet_id.as_str(), labels[281].name.as_str()), ("n02123045", "tabby"));
    assert!(labels.is_sorted_by(|a, b| a.wordnet_id < b.wordnet_id));
    assert!(labels.iter().all(|label| label.wordnet_id.len() == 9 && !label.name.is_empty()));
    let with_background = usual(1001);
    assert_eq!((with_background.labels[282].name.as_str(), with_background.notes.len()), ("tabby", 1));
    assert!(usual(999).labels.is_empty());
}

#[test]
fn names_of_every_form_are_put_into_the_order_of_their_indices() {
    let lists = [
        "owl\nred fox\r\n\ntabby\n# no class\nsea lion",
        "\u{feff}2\tn02\ttabby\n1\tn01\tred fox\n0\tn00\towl\n3\tn03\tsea lion",
        "1\tred fox\n0\towl\n3\tsea lion\n2\ttabby",
        "3 sea lion\n0 owl\n1 red fox\n2 tabby",
        "0,owl\n3,sea lion\n2,tabby\n1,red fox",
        "1: red fox\n0: owl\n3: sea lion\n2: tabby",
        "3: 'sea lion',\n0: 'owl',\n1: \"red fox\",\n2: 'tabby',",
        "0) owl\n1) red fox\n2) tabby\n3) sea lion",
        "red fox 1\nowl 0\nsea lion 3\ntabby 2",
        "sea lion,3\ntabby,2\nred fox,1\nowl,0",
        "n00000000 owl\nn00000001 red fox\nn00000002 tabby\nn00000003 sea lion",
        "n00000003 3 sea lion\nn00000000 0 owl\nn00000001 1 red fox\nn00000002 2 tabby",
        "index,name\n1,red fox\n0,owl\n3,sea lion\n2,tabby",
        "Class Name;count;Class ID\nred fox;7;1\nowl;3;0\nsea lion;9;3\ntabby;8;2",
        ",breed\n0,owl\n1,red fox\n2,tabby\n3,sea lion",
        "class_name\nowl\nred fox\ntabby\nsea lion",
        "owl, red fox, tabby, sea lion",
        "- owl\n- red fox\n- tabby\n- sea lion",
        "{0: 'owl',\n 1: 'red fox',\n 3: 'sea lion', 2: \"tabby\"}\n",
        "CLASSES = ['owl', 'red fox', 'tabby', 'sea lion']",
        "{'owl': 0, 'sea lion': 3, 'tabby': 2, 'red fox': 1}",
        r#"["owl", "red fox", "tabby", "sea lion"]"#,
        r#"{"0": ["n00", "owl"], "3": ["n03", "sea lion"], "1": ["n01", "red fox"], "2": ["n02", "tabby"]}"#,
        r#"{"owl": 0, "sea lion": 3, "tabby": 2, "red fox": 1}"#,
        r#"{"model_type": "resnet", "id2label": {"0": "owl", "3": "sea lion", "1": "red fox", "2": "tabby"}}"#,
        r#"{"label2id": {"owl": "0", "sea lion": "3", "tabby": "2", "red fox": "1"}}"#,
        r#"[["n00000000", "owl"], ["n00000001", "red fox"], ["n00000002", "tabby"], ["n00000003", "sea lion"]]"#,
        r#"[["sea lion", 3], ["owl", 0], ["red fox", 1], ["tabby", 2]]"#,
        r#"[{"id": 3, "name": "sea lion"}, {"id": 0, "name": "owl"}, {"id": 1, "name": "red fox"}, {"id": 2, "name": "tabby"}]"#,
        "{\"id\": 1, \"name\": \"red fox\"}\n{\"id\": 0, \"name\": \"owl\"}\n{\"id\": 3, \"name\": \"sea lion\"}\n{\"id\": 2, \"name\": \"tabby\"}",
        r#"{"classes": ["owl", "red fox", "tabby", "sea lion"], "labels": {"a.jpg": 2}}"#,
        r#"{"model": {"labels": ["owl", "red fox", "tabby", "sea lion"]}}"#,
        "path: ../data\nnames:\n  0: owl\n  1: red fox\n  3: sea lion\n  2: tabby\ndownload: |\n  a: 'b\n",
        "nc: 4\nnames: [owl, 'red fox', tabby, sea lion]\n",
        "names:\n- owl\n- red fox\n- tabby\n- sea lion\n",
    ];
    for list in lists {
        assert_eq!(names(list, 4), Ok(NAMES.map(String::from).to_vec()), "{list}");
        assert_eq!(note(list, 4), "", "{list}");
    }
    let labels = read(b"1\tn01\tred fox\n0\tn00\towl", wanted(2)).unwrap().labels;
    assert_eq!(labels[1].wordnet_id, "n01");
    let labels = read(b"n01440764\nn02123045", wanted(2)).unwrap().labels;
    assert_eq!(labels[1].name, "tabby");
}

#[test]
fn indices_from_1_and_numbers_of_categories_are_told() {
    let from1 = "item { id: 2 name: 'red fox' }\nitem {\n  id: 1\n  name: \"owl\"\n}\n";
    assert_eq!(names(from1, 2), Ok(vec!["owl".into(), "red fox".into()]));
    assert!(note(from1, 2).contains("counts from 1"));
    // One more output than names: class 0 is what the list leaves out.
    assert_eq!(names(from1, 3), Ok(vec![String::new(), "owl".into(), "red fox".into()]));
    let coco = r#"{"images": [{"id": 7}], "categories": [{"id": 1, "name": "owl"}, {"id": 4, "name": "fox", "supercategory": "a"}]}"#;
    assert_eq!(names(coco, 2), Ok(vec!["owl".into(), "fox".into()]));
    assert_eq!(names(coco, 5).unwrap()[4], "fox");
    assert!(note(coco, 2).contains("in the order of theirs") && note(coco, 5).contains("2 of the 5 classes"));
}

#[test]
fn names_that_look_like_columns_stay_whole() {
    for list in [
        ["3D printer", "7 up", "101 dalmatians, film", "1,000 islands"],
        ["1 euro", "2 euro", "3 euro", "4 euro"],
        ["0 stars", "1 star", "2 stars", "3 stars"],
        ["class 0", "class 1", "class 2", "class 3"],
        ["tench, Tinca tinca", "cock, rooster", "hen, bird", "label, sticker"],
        ["[unknown]", "a", "b", "c"],
        ["label", "name, title", "c", "d"],
        ["0", "1", "2", "3"],
    ] {
        assert_eq!(names(&list.join("\n"), 4), Ok(list.map(String::from).to_vec()));
    }
    assert_eq!(
        names("0,\"tench, fish\"\n1,hen, bird", 2),
        Ok(vec!["tench, fish".into(), "hen, bird".into()])
    );
}

#[test]
fn lines_that_look_like_none_are_names_where_the_network_has_as_many_classes() {
    let hash = "owl\n#1 umbrella\ntabby";
    assert_eq!(names(hash, 3).unwrap()[1], "#1 umbrella");
    assert_eq!(names(hash, 2), Ok(vec!["owl".into(), "tabby".into()]));
    assert!(note(hash, 3).contains('#') && note(hash, 2).is_empty());
    let named = read(b"owl\n\ntabby\n\n", wanted(3)).unwrap();
    assert_eq!(class_name(&named.labels, 1), "class 1");
    assert!(named.notes[0].contains("without a name"));
}

#[test]
fn an_index_that_is_missing_or_there_twice_is_told_with_its_line() {
    let says = |text: &str, parts: &[&str]| {
        let error = names(text, 4).unwrap_err();
        assert!(parts.iter().all(|part| error.contains(part)), "{text}: {error}");
    };
    for apart in ["\t", " ", ",", ": "] {
        let list = |indices: [&str; 4]| {
            [0, 1, 2, 3].map(|at| format!("{}{apart}{}\n", indices[at], NAMES[at])).concat()
        };
        says(&list(["0", "1", "1", "3"]), &["index 1 twice", "line 2", "line 3"]);
        says(&list(["0", "1", "3", "4"]), &["no index 2", "line 3"]);
        says(&list(["0", "1", "2", "3"]).replace(&format!("2{apart}"), ""), &["line 3 no index"]);
    }
    says("index,name\n0,owl\n1,red fox\n1,tabby\n3,sea lion", &["index 1 twice", "line 3", "line 4"]);
    says("index,name\n0,owl\n,red fox\n2,tabby\n3,sea lion", &["line 3 no index"]);
    says("-1\towl\n0\tred fox\n1\ttabby\n2\tsea lion", &["line 1 the index -1"]);
    says(
        r#"{"owl": 0, "red fox": 1, "tabby": 1, "sea lion": 3}"#,
        &["index 1 twice", "`red fox`", "`tabby`"],
    );
    says(r#"{"0": "owl", "1": "red fox", "1": "tabby", "2": "sea lion"}"#, &["index 1 twice", "`tabby`"]);
    says("names:\n  0: owl\n  2: tabby\n", &["no index 1"]);
}

#[test]
fn one_output_takes_two_names_and_a_background_is_left_out_or_added() {
    for pair in ["cats\ndogs", r#"{"cats": 0, "dogs": 1}"#, "1 dogs\n0 cats"] {
        assert_eq!(names(pair, 1), Ok(vec!["cats".into(), "dogs".into()]));
    }
    let number = read(b"cats\ndogs", Wanted { outputs: 1, is_probability: false }).unwrap_err();
    assert!(number.to_string().contains("--meaning sigmoid"), "{number}");
    let thousand: String = (0..1000).map(|class| format!("class {class}\n")).collect();
    let with = format!("Background\n{thousand}");
    assert_eq!(names(&with, 1000).unwrap()[751], "class 751");
    assert_eq!(names(&thousand, 1001).unwrap()[149], "class 148");
    assert!(note(&with, 1000).contains("background") || note(&with, 1000).contains("Background"));
    assert!(note(&thousand, 1001).contains("1000 names for 1001 classes"));
}

#[test]
fn another_number_of_names_is_told_with_both_and_a_hint() {
    let error = |text, outputs| names(text, outputs).unwrap_err();
    assert!(error("a\nb\nc", 8).contains("3 class names, but the network has 8 outputs"));
    assert!(error("list\na\nb", 2).contains("take its first line (`list`) out"));
    assert!(error("a\nb", 3).contains("put `background` in front"));
    assert!(error("a\nb\nc", 1).contains("1 output, which takes 1 name or 2"));
}

#[test]
fn what_is_no_list_is_told_by_what_it_is() {
    let error = |bytes: &[u8]| read(bytes, wanted(2)).unwrap_err().to_string();
    for (bytes, what) in [
        (&b"\x93NUMPY\x01\0v\0{'descr': '<U3'"[..], "NumPy"),
        (b"\x80\x04\x95\x1a", "pickle"),
        (b"PK\x03\x04", "zip"),
        (b"owl\nL\xf6we", "line 2"),
        (b"owl\nL\xf6we", "save it as UTF-8"),
        (b" \n", "empty"),
        (b"<View><Choices/></View>", "XML"),
        (b"owl\0fox", "no text"),
        (b"\xff\xfeo\0w", "damaged UTF-16"),
        (b"{\"0\": \"owl\",\n\"1\": ", "from line 2"),
        (b"names: [a\n", "YAML"),
        (b"item { id: 1", "label map"),
        (b"[{\"image\": \"a.jpg\", \"annotations\": [{\"label\": \"owl\"}]}]", "of another form"),
        (b"{\"a\": {\"b\": 1.5}, \"c\": true}", "of another form"),
    ] {
        assert!(error(bytes).contains(what), "{what}: {}", error(bytes));
    }
    for deep in ["[", "{\"a\":", "names: [", "names: {a: "] {
        error(deep.repeat(20_000).as_bytes());
    }
}

#[test]
fn utf_16_and_old_line_ends_are_read() {
    let units = |order: fn(u16) -> [u8; 2]| "owl\r\nLöwe".encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let (little, big) = (units(u16::to_le_bytes), units(u16::to_be_bytes));
    for bytes in [
        [&b"\xff\xfe"[..], &little].concat(),
        [&b"\xfe\xff"[..], &big].concat(),
        little,
        big,
        "owl\rLöwe".into(),
    ] {
        assert_eq!(read(&bytes, wanted(2)).unwrap().labels[1].name, "Löwe");
    }
}

#[test]
fn classes_of_one_name_are_told_apart_by_number() {
    let labels = named(&["crane", "heron", "crane"]);
    assert_eq!(
        [0, 1, 2, 3].map(|class| class_name(&labels, class)),
        ["crane (0)", "heron", "crane (2)", "class 3"]
    );
}

#[test]
fn names_as_files_of_networks_have_them_inside() {
    let joined = |text| names_in(text).map(|names| names.join("|"));
    assert_eq!(joined(r#"{0: 'person', 1: "o'clock", 2: 'a\'b'}"#).as_deref(), Some("person|o'clock|a'b"));
    assert_eq!(joined("['cat', 'dog']").as_deref(), Some("cat|dog"));
    assert_eq!(joined(r#"{"1": "dog", "0": "cat"}"#).as_deref(), Some("cat|dog"));
    for broken in ["{0: 'person', 2: 'car'}", "{0: 'person", "{}", "names", "{'a': 1, 'b': 1}"] {
        assert_eq!(joined(broken), None, "{broken}");
    }
}
